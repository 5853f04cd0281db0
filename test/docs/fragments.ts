import { join } from "node:path";
import ts from "typescript";
import type { Block } from "./page.ts";

const CHECKOUT = join(import.meta.dirname, "../..");

/** What fragments take for granted, besides the classes of the package. */
const GIVEN = `
import type { ActorNamespace, ActorStorage, ActorStub } from "stateful-actors";
import type { TestActors } from "stateful-actors/testing";
import type { IStatefulActors } from "stateful-actors/cdk";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { Account } from "./examples/account/src/account.ts";
import type { Session as ExampleSession } from "./examples/session/src/index.ts";
declare const env: { ACCOUNT: ActorNamespace<Account & { remind(): Promise<void> }> };
declare const account: ActorStub<Account>;
declare const session: ActorStub<ExampleSession>;
declare const request: Request;
declare const storage: ActorStorage;
declare const actors: TestActors & IStatefulActors;
declare const fn: LambdaFunction;
`;

/**
 * What the compiler says about the TypeScript blocks of pages, by page: each is a module of its own, or, where it exports nothing, the body of
 * a function.
 */
export function compile(pages: ReadonlyMap<string, readonly Block[]>): string[] {
  const files = new Map<string, string>();
  for (const [page, blocks] of pages) {
    for (const block of blocks) {
      if (block.language !== "ts" || block.note?.kind === "skip") continue;
      // In the checkout's root, from where the package's names lead to its sources.
      files.set(join(CHECKOUT, `${page.replaceAll("/", "-")}-line-${block.line}.ts`), sourceOf(block));
    }
  }
  const { config } = ts.readConfigFile(join(CHECKOUT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, CHECKOUT);
  options.paths = { ...options.paths, "@telnyx/edge-runtime": ["./runtime/index.ts"] };
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.fileExists = (file) => files.has(file) || fileExists(file);
  const getSourceFile = host.getSourceFile.bind(host);
  host.getSourceFile = (file, languageVersion, ...rest) => {
    const text = files.get(file);
    return text === undefined
      ? getSourceFile(file, languageVersion, ...rest)
      : ts.createSourceFile(file, text, languageVersion);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    const name = file.slice(CHECKOUT.length + 1, -".ts".length);
    return found.map(({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);
  });
}

function sourceOf({ text, note }: Block): string {
  // What a page leaves out.
  const code = text.replaceAll("…", "");
  const base = /import .*\bStatefulActor\b/.test(code)
    ? ""
    : 'import { StatefulActor } from "stateful-actors";\n';
  const isModule = /^export /m.test(code) || note?.kind === "file" || /^test\(/m.test(code);
  if (isModule) return `${base}${code}\nexport {};`;
  const imports = code.match(/^import .*$/gm) ?? [];
  const body = code.replace(/^import .*$/gm, "");
  return `${base}${GIVEN}${imports.join("\n")}\nexport async function fragment() {\n${body}\n}`;
}
