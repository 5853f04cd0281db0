import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll } from "vitest";

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

const parsed = new Map<string, ts.SourceFile | undefined>();

/**
 * This package's declarations as the build makes them, for the tests of a file to compile against; call it at the file's
 * top level. What comes back installs them in a project under each of the names.
 */
export function builtDeclarations(): (projectDir: string, ...names: readonly string[]) => void {
  const built = mkdtempSync(join(tmpdir(), "actors-declarations-"));
  beforeAll(() => emitDeclarations(join(built, "dist")));
  afterAll(() => rmSync(built, { recursive: true, force: true }));
  return (projectDir, ...names) => {
    for (const name of names) {
      const target = join(projectDir, "node_modules", name);
      mkdirSync(target, { recursive: true });
      cpSync(join(repository, "package.json"), join(target, "package.json"));
      cpSync(join(built, "dist"), join(target, "dist"), { recursive: true });
    }
  };
}

function emitDeclarations(outDir: string): void {
  const { config } = ts.readConfigFile(join(repository, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, repository);
  const program = ts.createProgram([join(repository, "runtime/index.ts")], {
    ...options,
    rootDir: repository,
    outDir,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    allowImportingTsExtensions: false,
    rewriteRelativeImportExtensions: true,
  });
  program.emit();
}

/** Compiles all of a project's own files; gives what the compiler says, as `file:line: message`. */
export function compile(projectDir: string, options: ts.CompilerOptions = {}): string[] {
  const files = readdirSync(projectDir, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.[cm]?[tj]s$/.test(file) && !file.startsWith("node_modules"))
    .map((file) => join(projectDir, file));
  const settings = { ...USER_OPTIONS, ...options };
  const roots = files.filter((file) => settings.allowJs === true || /\.[cm]?ts$/.test(file));
  const program = ts.createProgram(roots, settings, caching(ts.createCompilerHost(settings)));
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => describe(diagnostic, projectDir));
}

function caching(host: ts.CompilerHost): ts.CompilerHost {
  const libraries = dirname(ts.getDefaultLibFilePath(USER_OPTIONS));
  const { getSourceFile } = host;
  host.getSourceFile = (file, ...rest) => {
    if (!file.startsWith(libraries)) return getSourceFile(file, ...rest);
    if (!parsed.has(file)) parsed.set(file, getSourceFile(file, ...rest));
    return parsed.get(file);
  };
  return host;
}

function describe({ file, start, messageText }: ts.Diagnostic, projectDir: string): string {
  const text = ts.flattenDiagnosticMessageText(messageText, "\n");
  if (file === undefined || start === undefined) return text;
  const { line } = file.getLineAndCharacterOfPosition(start);
  return `${relative(projectDir, file.fileName)}:${line + 1}: ${text}`;
}
