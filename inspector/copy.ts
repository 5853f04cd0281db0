// What `npm run build` puts into the package: the page's parts as they are, since the server that shows it puts them together.

import { cpSync } from "node:fs";
import { join } from "node:path";

const target = join(import.meta.dirname, "../dist/inspector");

cpSync(import.meta.dirname, target, {
  recursive: true,
  filter: (path) => !/(copy\.ts|tsconfig\.json)$/.test(path),
});
