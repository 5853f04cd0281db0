import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, type Metafile } from "esbuild";
import { asBundleError, commonOptions, RUNTIME_PACKAGES } from "../project/bundle.ts";
import type { Project } from "../project/project.ts";

export type RuntimePackage = (typeof RUNTIME_PACKAGES)[number];

export interface ProjectScan {
  /** Names that the entry module exports. */
  readonly exports: ReadonlySet<string>;
  /** By which names the project imports this package; at least one. */
  readonly packages: readonly [RuntimePackage, ...RuntimePackage[]];
}

/**
 * Looks through a project's sources without running any of them.
 * @throws BundleError when the code does not parse or an import does not resolve
 */
export async function scanProject(project: Project): Promise<ProjectScan> {
  const metafile = await bundle(project);
  const entry = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint !== undefined);
  return { exports: new Set(entry?.exports), packages: packagesOf(project, metafile) };
}

async function bundle(project: Project): Promise<Metafile> {
  try {
    const { metafile } = await build({
      ...commonOptions(project),
      entryPoints: [project.main],
      outfile: "scan.mjs",
      external: [...RUNTIME_PACKAGES],
      metafile: true,
    });
    return metafile;
  } catch (error) {
    throw asBundleError(error);
  }
}

function packagesOf(project: Project, { inputs }: Metafile): ProjectScan["packages"] {
  const imported = new Set(
    Object.entries(inputs)
      .filter(([path]) => !path.split("/").includes("node_modules"))
      .flatMap(([, input]) => input.imports.map(({ path }) => path)),
  );
  const [first, ...more] = RUNTIME_PACKAGES.filter((name) => imported.has(name));
  // esbuild leaves out what is imported for its type alone.
  return first === undefined ? [dependencyOf(project.dir)] : [first, ...more];
}

/** What the nearest package.json installs. */
function dependencyOf(dir: string): RuntimePackage {
  const file = join(dir, "package.json");
  if (existsSync(file)) {
    const names = dependencyNames(file);
    return RUNTIME_PACKAGES.find((name) => names.has(name)) ?? RUNTIME_PACKAGES[0];
  }
  const parent = dirname(dir);
  return parent === dir ? RUNTIME_PACKAGES[0] : dependencyOf(parent);
}

function dependencyNames(file: string): ReadonlySet<string> {
  try {
    const { dependencies, devDependencies, peerDependencies } = JSON.parse(readFileSync(file, "utf8"));
    return new Set(
      [dependencies, devDependencies, peerDependencies].flatMap((each) => Object.keys(each ?? {})),
    );
  } catch {
    // A package.json that can't be read is for npm to complain about.
    return new Set();
  }
}
