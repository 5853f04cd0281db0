import { createRequire } from "node:module";
import type { Scaffold } from "./scaffold.ts";

/** What is read of this package's own package.json. */
interface OwnPackage {
  readonly version: string;
  /** Among them what a new project installs, too. */
  readonly devDependencies: Scaffold["tools"];
}

/** By the package's own name, which leads to the same file from the sources and from the built package. */
export function ownPackage(): OwnPackage {
  return createRequire(import.meta.url)("stateful-actors/package.json") as OwnPackage;
}
