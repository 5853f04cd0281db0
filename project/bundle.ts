import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type BuildFailure,
  type BuildOptions,
  type BuildResult,
  build,
  buildSync,
  type Message,
  type OutputFile,
  type Plugin,
} from "esbuild";
import type { ProjectCode } from "./project.ts";

/** The user's code can't be bundled: one `file:line:col: message` a line, paths from the project's folder. */
export class BundleError extends Error {
  override readonly name = "BundleError";
}

export interface EmbeddedBundle {
  readonly file: string;
  /** What esbuild wants the user to look at, one `file:line:col: message` each. */
  readonly warnings: readonly string[];
}

/** The functions of a stack. The forwarder is the same for every project: it runs none of the user's code. */
export type Handler = "router" | "worker" | "forwarder";

export interface LambdaBundle {
  /** `index.mjs` in the folder asked for, with nothing beside it: that folder can be a Lambda asset. */
  readonly file: string;
  /** Its source map, in a sibling folder so that it is not deployed. */
  readonly sourceMapFile: string;
  readonly warnings: readonly string[];
}

// The same file runs as source (.ts) and as built package (.js), and so do its siblings.
const extension = extname(fileURLToPath(import.meta.url));
/** The module that users import as this package, as the bundles for the embedded server import it. */
export const runtimeUrl = new URL(`../runtime/index${extension}`, import.meta.url);
/** What users import under the package's name and this path. */
const RUNTIME_MODULES = {
  "": runtimeUrl,
  "/client": new URL(`../runtime/client${extension}`, import.meta.url),
};

/** What the SDK takes its credentials from, in functions. */
const LAMBDA_CREDENTIALS = {
  "@aws-sdk/credential-provider-node": fileURLToPath(
    new URL(`../handlers/lambda-credentials${extension}`, import.meta.url),
  ),
};

/** The names by which a user's code imports this package: its own, and the one of the API it follows. */
export const RUNTIME_PACKAGES = ["stateful-actors", "@telnyx/edge-runtime"] as const;

// CommonJS dependencies call require() for node's builtins and read __dirname, which an ES module does not have.
// The odd names can't collide with the user's; esbuild itself keeps `require` free.
const COMMONJS_BANNER = [
  'import { createRequire as actorsBundleRequire } from "node:module";',
  'import { dirname as actorsBundleDirnameOf } from "node:path";',
  'import { fileURLToPath as actorsBundlePathOf } from "node:url";',
  "const require = actorsBundleRequire(import.meta.url);",
  "const actorsBundleFile = actorsBundlePathOf(import.meta.url);",
  "const actorsBundleDir = actorsBundleDirnameOf(actorsBundleFile);",
].join("\n");

/**
 * Bundles a project's entry module into one ES module for this machine's Node. Its imports of this package become
 * imports of the very files that run now, so the user's classes extend the same StatefulActor.
 * @throws BundleError when the code does not parse or an import does not resolve; nothing is written then
 */
export async function bundleForEmbedded(project: ProjectCode, outFile: string): Promise<EmbeddedBundle> {
  const file = resolve(outFile);
  try {
    return writeEmbedded(await build(embeddedOptions(project, file)), file);
  } catch (error) {
    throw asBundleError(error);
  }
}

export function embeddedOptions(project: ProjectCode, file: string) {
  return {
    ...commonOptions(project),
    entryPoints: [project.main],
    outfile: file,
    sourcemap: "inline",
    plugins: [importRunningRuntime],
  } as const satisfies BuildOptions;
}

export function writeEmbedded(result: BuildResult, file: string): EmbeddedBundle {
  write(file, output(result, file));
  return { file, warnings: result.warnings.map(formatMessage) };
}

/**
 * Bundles a project's entry module, this package and the AWS SDK into the one file of a Lambda function; the forwarder
 * without the project. Works at once, because CDK constructs can't wait. The same sources give the same bytes, wherever
 * they lie.
 * @param options.outDir gets `index.mjs`; the source map goes to the sibling folder `<outDir>-map`
 * @throws BundleError when the code does not parse or an import does not resolve; nothing is written then
 */
export function bundleForLambda(options: {
  project: ProjectCode;
  handler: Handler;
  outDir: string;
}): LambdaBundle {
  const { project, handler, outDir } = options;
  const dir = resolve(outDir);
  const file = join(dir, "index.mjs");
  const sourceMapFile = join(`${dir}-map`, "index.mjs.map");
  try {
    const result = buildSync({
      ...commonOptions(project),
      stdin: {
        contents: lambdaEntry(project, handler),
        resolveDir: project.dir,
        sourcefile: `${handler}-entry.mjs`,
        loader: "js",
      },
      outfile: file,
      alias: { ...runtimeAliases(), ...LAMBDA_CREDENTIALS },
      minify: true,
      sourcemap: "external",
    });
    write(file, output(result, file));
    write(sourceMapFile, output(result, `${file}.map`));
    return { file, sourceMapFile, warnings: result.warnings.map(formatMessage) };
  } catch (error) {
    throw asBundleError(error);
  }
}

export function commonOptions(project: ProjectCode) {
  return {
    absWorkingDir: project.dir,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22",
    // Classes are known by name: in the manifest, in errors and in logs.
    keepNames: true,
    banner: { js: COMMONJS_BANNER },
    define: { __dirname: "actorsBundleDir", __filename: "actorsBundleFile" },
    write: false,
    logLevel: "silent",
  } as const satisfies BuildOptions;
}

const CREATE = {
  router: "createRouterHandler",
  worker: "createWorkerHandler",
  forwarder: "createForwarderHandler",
} as const satisfies Record<Handler, string>;

/** Whose code a function runs. */
const READS_AS = { router: "fetch", worker: "actors" } as const;

function lambdaEntry(project: ProjectCode, handler: Handler): string {
  const create = CREATE[handler];
  const handlerFile = fileURLToPath(new URL(`../handlers/${handler}${extension}`, import.meta.url));
  const importHandler = `import { ${create} } from ${JSON.stringify(handlerFile)};`;
  if (handler === "forwarder") return `${importHandler}\nexport const handler = ${create}();`;
  const { secrets } = project.manifest;
  const actors = project.manifest.actors.map(({ binding, type }) => ({ binding, type }));
  const secretsFile = fileURLToPath(new URL(`../handlers/lambda-secrets${extension}`, import.meta.url));
  // A project without secrets does not carry the client that reads them.
  const [importSecrets, withSecrets] =
    secrets.length === 0
      ? ["", ""]
      : [
          `import { lambdaSecrets } from ${JSON.stringify(secretsFile)};`,
          `, secrets: lambdaSecrets(${JSON.stringify(secrets)}, ${JSON.stringify(READS_AS[handler])})`,
        ];
  return [
    `import * as module from ${JSON.stringify(project.main)};`,
    importHandler,
    importSecrets,
    `export const handler = ${create}({ module, actors: ${JSON.stringify(actors)}${withSecrets} });`,
  ].join("\n");
}

const importRunningRuntime: Plugin = {
  name: "import-running-runtime",
  setup(bundle) {
    for (const [path, url] of Object.entries(RUNTIME_MODULES)) {
      bundle.onResolve({ filter: new RegExp(`^(${RUNTIME_PACKAGES.join("|")})${path}$`) }, ({ kind }) => ({
        // require() takes a path where import takes a URL.
        path: kind === "require-call" ? fileURLToPath(url) : url.href,
        external: true,
      }));
    }
  },
};

/** esbuild takes the longest name that fits. */
function runtimeAliases(): Record<string, string> {
  const modules = Object.entries(RUNTIME_MODULES);
  return Object.fromEntries(
    RUNTIME_PACKAGES.flatMap((name) => modules.map(([path, url]) => [name + path, fileURLToPath(url)])),
  );
}

export function asBundleError(error: unknown): unknown {
  if (!isBuildFailure(error)) return error;
  return new BundleError(error.errors.map(formatMessage).join("\n"), { cause: error });
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return (
    error instanceof Error && "errors" in error && Array.isArray(error.errors) && error.errors.length > 0
  );
}

function output(result: BuildResult, path: string): Uint8Array {
  const found = result.outputFiles?.find((file: OutputFile) => file.path === path);
  if (found === undefined) throw new Error(`esbuild gave no ${path}`);
  return found.contents;
}

// Another process may be loading the file right now: it sees the old one or the new one, never half of it.
function write(file: string, contents: Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, contents);
  renameSync(draft, file);
}

function formatMessage(message: Message): string {
  if (message.location === null) return message.text;
  const { file, line, column } = message.location;
  return `${file}:${line}:${column + 1}: ${message.text}`;
}
