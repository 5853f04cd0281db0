import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Project, readProject } from "../../project/project.ts";
import { parseArguments } from "../arguments.ts";
import { CommandError } from "../command-error.ts";
import { DECLARATION_MARK, envDeclaration, references } from "../env-declaration.ts";
import { nearest } from "../nearest.ts";
import { type ProjectScan, scanProject } from "../project-scan.ts";

const DEFAULT_FILE = "actors-env.d.ts";

const HELP = `Writes the TypeScript types of a project's env, as its manifest declares them.

  actors types [project folder] [options]

  project folder   holds actors.toml or telnyx.toml (default: the working directory)
  --out <file>     file to write, *.d.ts (default: ${DEFAULT_FILE} beside the manifest)
  --check          write nothing, and fail when the file is not what would be written: for CI
  -h, --help       show this

env.ACCOUNT.idFromName("alice") then knows the methods of the class. The file must be among those that the
project's tsconfig.json includes. It is written only when it changes, and best committed.`;

interface TypesOptions {
  /** Absolute. */
  readonly projectDir: string;
  /** Absolute; beside the manifest when not given. */
  readonly outFile: string | undefined;
  readonly check: boolean;
}

/** `actors types`: writes the declaration of a project's `env`, or checks it. */
export async function types(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, process.cwd());
  if (options === "help") return console.log(HELP);

  const project = readProject(options.projectDir);
  const outFile = options.outFile ?? join(project.dir, DEFAULT_FILE);
  const scan = await scanProject(project);
  for (const warning of warnings(project, scan)) console.error(`warning: ${warning}`);

  const text = envDeclaration({ project, scan, outFile });
  const found = readDeclaration(outFile);
  const upToDate = found?.replaceAll("\r\n", "\n") === text;
  if (options.check) {
    if (!upToDate) throw new CommandError(stale(outFile, { project, found }));
  } else if (!upToDate) {
    write(outFile, { text, found });
  }
  console.log(`${upToDate ? "up to date:" : "wrote"} ${outFile}: ${bindings(project, scan)}`);
}

const OPTIONS = {
  out: { type: "string" },
  check: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function parseOptions(args: readonly string[], cwd: string): TypesOptions | "help" {
  const { values, positionals } = parseArguments(args, OPTIONS, CommandError);
  if (values.help === true) return "help";
  if (positionals.length > 1) {
    throw new CommandError(
      `one project folder is read at a time, not ${positionals.length} (${positionals.join(", ")}): name one`,
    );
  }
  const { out } = values;
  if (out !== undefined && !/[^/\\]\.d\.[cm]?ts$/.test(out)) {
    throw new CommandError(
      `--out is ${JSON.stringify(out)}: the file must be a declaration, named *.d.ts, such as ${DEFAULT_FILE}`,
    );
  }
  return {
    projectDir: resolve(cwd, positionals[0] ?? "."),
    outFile: out === undefined ? undefined : resolve(cwd, out),
    check: values.check === true,
  };
}

function warnings({ manifest, manifestFile }: Project, scan: ProjectScan): string[] {
  const types = new Set(references(manifest, scan).map(({ type }) => type));
  const slips = [...types].flatMap((type) => {
    const meant = nearest(type, scan.exports);
    if (meant === undefined) return [];
    return `${manifestFile}: ${JSON.stringify(manifest.main)} exports no ${type}, so another project is taken for its owner: did you mean ${meant}?`;
  });
  return [...manifest.warnings, ...slips];
}

function bindings({ manifest }: Project, scan: ProjectScan): string {
  const foreign = new Set(references(manifest, scan));
  const actors = manifest.actors.map((actor) => {
    const owner = foreign.has(actor) ? " of another project" : "";
    return `env.${actor.binding} (class ${actor.type}${owner})`;
  });
  const secrets = manifest.secrets.map(({ binding }) => binding).join(", ");
  return [...actors, ...(secrets === "" ? [] : [`env.SECRETS (${secrets})`])].join(", ");
}

function stale(file: string, { project, found }: { project: Project; found: string | undefined }): string {
  const what = found === undefined ? "does not exist" : `is not what ${project.manifestFile} declares now`;
  return `${file} ${what}: run actors types with the same arguments but --check, and commit the file`;
}

function readDeclaration(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw new CommandError(
      `${file} can't be read (${errorCode(error)}): make it a readable file, or name another with --out <file>`,
      { cause: error },
    );
  }
}

function write(file: string, { text, found }: { text: string; found: string | undefined }): void {
  if (found !== undefined && found !== "" && !found.startsWith(DECLARATION_MARK)) {
    throw new CommandError(
      `${file} was not written by actors types, and is left as it is: remove it, or name another with --out <file>`,
    );
  }
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (error) {
    throw new CommandError(
      `${file} can't be written (${errorCode(error)}): make it writable, or name another with --out <file>`,
      { cause: error },
    );
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
