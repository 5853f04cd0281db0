import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type BuildFailure, build, type Message, type Metafile } from "esbuild";
import { BundleError } from "../project/bundle.ts";
import type { Project } from "../project/project.ts";

/** The names by which a user's code imports this package: its own, and the one of the API it follows. */
const RUNTIME_PACKAGES = ["stateful-actors", "@telnyx/edge-runtime"] as const;
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
      absWorkingDir: project.dir,
      entryPoints: [project.main],
      outfile: "scan.mjs",
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node22",
      external: [...RUNTIME_PACKAGES],
      metafile: true,
      write: false,
      logLevel: "silent",
    });
    return metafile;
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    throw new BundleError(error.errors.map(formatMessage).join("\n"), { cause: error });
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

function isBuildFailure(error: unknown): error is BuildFailure {
  return (
    error instanceof Error && "errors" in error && Array.isArray(error.errors) && error.errors.length > 0
  );
}

function formatMessage({ text, location }: Message): string {
  return location === null ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`;
}
