import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { CommandError } from "./command-error.ts";

/** What is given to the CDK CLI, which does the work. */
export interface CdkRun {
  readonly command: "deploy" | "destroy";
  /** Absolute: a folder with a manifest. */
  readonly projectDir: string;
  /** Values of the app's context; `undefined` leaves the app's default. */
  readonly context: Readonly<Record<string, string | undefined>>;
  /** Further arguments, as they are. */
  readonly more: readonly string[];
  readonly cwd: string;
}

/** Sources and build lie in the same folders, and differ in this. */
const EXTENSION = import.meta.filename.endsWith(".ts") ? "ts" : "js";
const APP = join(import.meta.dirname, `../cdk/app.${EXTENSION}`);

/**
 * Runs the CDK CLI with this package's app, in this terminal.
 *
 * @returns its exit code
 * @throws CommandError it is not installed
 */
export async function runCdk({ command, projectDir, context, more, cwd }: CdkRun): Promise<number> {
  // There lies cdk.json, with the feature flags that the app is made for.
  const packageDir = dirname(createRequire(import.meta.url).resolve("stateful-actors/package.json"));
  const values = Object.entries({ project: projectDir, ...context });
  const args = [
    cdkFile(projectDir, cwd),
    command,
    "--all",
    "--app",
    // It goes to a shell, and the CLI takes quotes away: nothing in it may need any.
    `node ${relative(packageDir, APP)}`,
    "--output",
    resolve(cwd, "cdk.out"),
    ...values.flatMap(([name, value]) => (value === undefined ? [] : ["-c", `${name}=${value}`])),
    ...more,
  ];
  const child = spawn(process.execPath, args, {
    cwd: packageDir,
    // The Node that runs this one.
    env: { ...process.env, PATH: [dirname(process.execPath), process.env.PATH ?? ""].join(delimiter) },
    stdio: "inherit",
  });
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  if (signal !== null)
    throw new CommandError(`cdk ${command} was ended by ${signal}: what it had begun may go on in AWS`);
  return code ?? 1;
}

/** The CLI of the project, else that of the working directory, else that of this package's own checkout. */
function cdkFile(...folders: readonly string[]): string {
  for (const from of [...folders.map((folder) => join(folder, "package.json")), import.meta.filename]) {
    try {
      return createRequire(from).resolve("aws-cdk/bin/cdk");
    } catch {}
  }
  throw new CommandError(
    "deploying is the work of the CDK CLI, which is not installed: npm install --save-dev aws-cdk aws-cdk-lib constructs",
  );
}
