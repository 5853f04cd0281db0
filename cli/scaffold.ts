/** What a new project is made of. */
export interface Scaffold {
  /** Of the project, and of its stack. */
  readonly name: string;
  /** Where this package comes from, as package.json says it: a range of versions, or `file:` and a path. */
  readonly source: string;
  /** Versions of the tools that the project installs besides, exact. */
  readonly tools: Readonly<
    Record<"@types/node" | "aws-cdk" | "aws-cdk-lib" | "constructs" | "typescript", string>
  >;
}

/** The files of a new project, texts by path: it runs, tests and deploys as it is. */
export function scaffoldFiles(scaffold: Scaffold): ReadonlyMap<string, string> {
  return new Map([
    ["package.json", packageJson(scaffold)],
    ["actors.toml", manifest(scaffold)],
    ["cdk.json", CDK_JSON],
    ["tsconfig.json", TSCONFIG],
    [".gitignore", GITIGNORE],
    ["README.md", readme(scaffold)],
    ["src/index.ts", ENTRY],
    ["test/reminder.test.ts", TEST],
  ]);
}

function packageJson({ name, source, tools }: Scaffold): string {
  const caret = Object.entries(tools).map(([tool, version]) => [tool, `^${version}`]);
  return json({
    // npm takes no capitals.
    name: name.toLowerCase(),
    private: true,
    type: "module",
    // From here on Node runs TypeScript as it is.
    engines: { node: ">=22.18" },
    scripts: {
      dev: "actors dev .",
      start: "actors start .",
      test: "node --test",
      check: "tsc",
      deploy: "cdk deploy",
      destroy: "cdk destroy",
    },
    dependencies: { "stateful-actors": source },
    devDependencies: Object.fromEntries(caret),
    // Of what is installed only this one has a script of its own.
    allowScripts: { esbuild: true },
  });
}

function manifest({ name }: Scaffold): string {
  return `name = ${JSON.stringify(name)}
main = "src/index.ts"

[[actors]]
binding = "REMINDER" # env.REMINDER
type = "Reminder"    # the exported class
`;
}

const CDK_JSON = json({
  app: "node node_modules/stateful-actors/dist/cdk/app.js",
  context: { project: ".", auth: "iam" },
});

const TSCONFIG = json({
  compilerOptions: {
    target: "es2023",
    lib: ["es2024"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    noImplicitOverride: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ["src", "test"],
});

const GITIGNORE = `node_modules/
.actors/
cdk.out/
.secrets
`;

const ENTRY = `import { StatefulActor } from "stateful-actors";

/** Each name is one reminder. It keeps its text, and speaks up when its time has come, whether or not anybody calls. */
export class Reminder extends StatefulActor {
  async remind(text: string, inMs: number) {
    await this.ctx.storage.put("text", text);
    await this.ctx.storage.delete("spoken");
    await this.ctx.storage.setAlarm(Date.now() + inMs); // all three are durable together, before the caller hears of it
  }

  async status() {
    const text = await this.ctx.storage.get<string>("text");
    const spoken = await this.ctx.storage.get<Date>("spoken");
    return { text: text ?? null, spoken: spoken ?? null };
  }

  override async alarm() {
    await this.ctx.storage.put("spoken", new Date());
  }
}
`;

const TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import { startActors } from "stateful-actors/testing";
import { Reminder } from "../src/index.ts";

test("a reminder speaks up after an hour, and not before", async () => {
  const actors = await startActors({ Reminder }, { now: new Date("2030-01-31T12:00:00Z") });
  const tea = actors.namespace(Reminder).idFromName("tea");
  await tea.remind("drink it", 60 * 60_000);
  await actors.advance("59m"); // the time of these actors: no test waits for it
  assert.deepEqual(await tea.status(), { text: "drink it", spoken: null });
  await actors.advance("1m");
  assert.deepEqual(await tea.status(), { text: "drink it", spoken: new Date("2030-01-31T13:00:00Z") });
  await actors.stop();
});
`;

function readme({ name }: Scaffold): string {
  return `# ${name}

\`src/index.ts\` has the actors, \`actors.toml\` binds them, \`test/\` tests them on a time of their own.

\`\`\`sh
npm install
npm test
npm run dev        # then, in a second terminal:
curl -X POST localhost:8787/Reminder/tea/remind -d '["drink it", 3000]'
curl -X POST localhost:8787/Reminder/tea/status
\`\`\`

A save puts the new code to work, with the state kept. What the actors do and hold shows at http://localhost:8787/__actors.
\`npm start\` serves the same for good, on one machine.

With AWS credentials, once per account and region \`npx cdk bootstrap\`, then \`npm run deploy\`. Who may call it then, \`auth\` in cdk.json says:
\`iam\` (signed requests of AWS roles and users), \`jwt:<issuer>,<audience>\` (bearers of a token), or \`none\` (anyone who knows the URL).
`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
