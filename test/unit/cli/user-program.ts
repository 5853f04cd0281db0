import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll } from "vitest";
import { runActors } from "./run-actors.ts";

const repository = join(import.meta.dirname, "../../..");

/** What a careful user has in tsconfig.json; declaration files are checked too. */
const USER_OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ["lib.es2024.d.ts", "lib.dom.d.ts"],
  module: ts.ModuleKind.NodeNext,
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
};

export interface UserProject {
  readonly files: Readonly<Record<string, string>>;
  /** Names under which this package, as built, is installed. */
  readonly packages: readonly string[];
  readonly options?: ts.CompilerOptions;
}

/**
 * A project that installs this package, runs `actors types` and then the compiler, once for the tests of a file or of a
 * describe; call it there. What comes back gives what the compiler says about one of its files, or "elsewhere".
 */
export function compiledProject(project: UserProject): (file: string) => readonly string[] {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "actors-user-")));
  const sources = [...Object.keys(project.files).filter(isSource), "actors-env.d.ts"];
  const said = new Map<string, string[]>();
  beforeAll(async () => {
    for (const [path, text] of Object.entries(project.files)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
    }
    for (const name of project.packages) installBuilt(join(dir, "node_modules", name));
    const { code, stderr } = await runActors(dir, "types");
    if (code !== 0) throw new Error(stderr);
    for (const place of [...sources, "elsewhere"]) said.set(place, []);
    for (const { file, message } of compile(sources, { dir, ...project })) {
      (said.get(file) ?? said.get("elsewhere"))?.push(message);
    }
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return (file) => {
    const messages = said.get(file);
    if (messages === undefined) throw new Error(`${file} was not compiled`);
    return messages;
  };
}

function isSource(file: string): boolean {
  return /\.[cm]?[tj]s$/.test(file);
}

/**
 * Puts what users of these modules need of the package there, as the build makes it.
 *
 * @param options.runs whether it is to run, too: else only the declarations are there
 */
export function installBuilt(
  target: string,
  { modules = ["runtime/index.ts"], runs = false }: { modules?: readonly string[]; runs?: boolean } = {},
): void {
  mkdirSync(target, { recursive: true });
  cpSync(join(repository, "package.json"), join(target, "package.json"));
  const { config } = ts.readConfigFile(join(repository, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, repository);
  const entries = modules.map((module) => join(repository, module));
  const program = ts.createProgram(entries, {
    ...options,
    rootDir: repository,
    outDir: join(target, "dist"),
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: !runs,
    allowImportingTsExtensions: false,
    rewriteRelativeImportExtensions: true,
  });
  program.emit();
}

function compile(files: readonly string[], project: { dir: string; options?: ts.CompilerOptions }) {
  const program = ts.createProgram(
    files.map((file) => join(project.dir, file)),
    { ...USER_OPTIONS, ...project.options },
  );
  for (const file of files) {
    if (program.getSourceFile(join(project.dir, file)) === undefined) throw new Error(`${file} is not there`);
  }
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => ({
    file: file === undefined ? "no file" : relative(project.dir, file.fileName).replaceAll("\\", "/"),
    message: ts.flattenDiagnosticMessageText(messageText, "\n"),
  }));
}
