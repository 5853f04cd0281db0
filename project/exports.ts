import { buildSync } from "esbuild";
import { asBundleError, commonOptions, RUNTIME_PACKAGES } from "./bundle.ts";
import type { Project } from "./project.ts";

/**
 * The names that a project's entry module exports, types left out. Nothing of it runs: they are read from its sources,
 * also through `export * from`, but not what a CommonJS module makes of its exports. Takes a bundling without any output.
 * @throws BundleError when the code does not parse or an import does not resolve
 */
export function exportedNames(project: Project): ReadonlySet<string> {
  try {
    const { metafile } = buildSync({
      ...commonOptions(project),
      entryPoints: [project.main],
      outfile: "index.mjs",
      external: [...RUNTIME_PACKAGES],
      metafile: true,
    });
    return new Set(Object.values(metafile.outputs).flatMap((output) => output.exports));
  } catch (error) {
    throw asBundleError(error);
  }
}
