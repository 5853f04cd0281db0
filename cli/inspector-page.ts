import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const PARTS = new URL("../inspector/", import.meta.url);

let page: string | undefined;

/** The inspector's page, whole: its script and its styles are in it. Made when it is first asked for, in a few ms. */
export function inspectorPage(): string {
  page ??= makePage();
  return page;
}

function makePage(): string {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL("page.ts", PARTS))],
    bundle: true,
    write: false,
    format: "iife",
    target: "es2022",
    charset: "ascii",
    logLevel: "silent",
  });
  const script = outputFiles.map(({ text }) => text).join("");
  // A function, as a replacement text would read dollar signs.
  return readPart("page.html")
    .replace("<style></style>", () => `<style>${readPart("page.css")}</style>`)
    .replace("<script></script>", () => `<script>${script.replaceAll("</script", "<\\/script")}</script>`);
}

function readPart(name: string): string {
  return readFileSync(new URL(name, PARTS), "utf8");
}
