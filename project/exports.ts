import { buildSync } from "esbuild";
import { asBundleError, commonOptions, RUNTIME_PACKAGES } from "./bundle.ts";
import type { ProjectCode } from "./project.ts";

/**
 * The names that a project's entry module exports, types left out. Nothing of it runs: they are read from its sources,
 * also through `export * from`, but not what a CommonJS module makes of its exports. Works at once, as CDK constructs
 * can't wait.
 * @throws BundleError when the code does not parse or an import does not resolve
 */
export function exportedNames(project: ProjectCode): ReadonlySet<string> {
  try {
    const { outputFiles } = buildSync({
      ...commonOptions(project),
      entryPoints: [project.main],
      outfile: "index.mjs",
      external: [...RUNTIME_PACKAGES],
    });
    return exportsOf(outputFiles.map(({ text }) => text).join("\n"));
  } catch (error) {
    throw asBundleError(error);
  }
}

// Of the sources themselves esbuild also lists an interface that is handed on without the word `type`: only from its
// output is it gone.
function exportsOf(javaScript: string): ReadonlySet<string> {
  const { metafile } = buildSync({
    stdin: { contents: javaScript, loader: "js" },
    outfile: "index.mjs",
    format: "esm",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  return new Set(Object.values(metafile.outputs).flatMap(({ exports }) => exports));
}
