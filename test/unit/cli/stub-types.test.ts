import { describe, expect, test } from "vitest";
import { compiledProject } from "./user-program.ts";

const MANIFEST = `name = "account-svc"
main = "src/index.ts"

[[actors]]
binding = "ACCOUNT"
type = "Account"

[[actors]]
binding = "SAVINGS"
type = "Account"

[[actors]]
binding = "LEDGER"
type = "Ledger"

[env_vars]
GREETING = "hello"
`;

const ACCOUNT = `import { StatefulActor } from "stateful-actors";

class Base extends StatefulActor {
  async inherited() { return 1n; }
}

export class Account extends Base {
  label = "a field";
  limit?: number;
  loose: any;
  #own = 1;
  static make() { return 1; }
  get total() { return 1; }
  set total(value: number) {}
  async deposit(amount: number) { return this.#own + amount; }
  async many(name: string, times?: number, ...flags: boolean[]) { return { name, times, flags }; }
  now() { return new Date(); }
  nothing() {}
  maybe(): Promise<string> | undefined { return undefined; }
  async generic<T>(key: string, fallback: T) { return fallback; }
  async overloaded(key: string): Promise<string>;
  async overloaded(key: number): Promise<number>;
  async overloaded(key: string | number): Promise<string | number> { return key; }
  async relay(to: string) { return this.env.ACCOUNT.idFromName(to).deposit(1); }
  private hidden() {}
  protected half() {}
  _own() {}
  async fetch(request: Request) { return new Response(request.url); }
  async send(text: string) { return text.length; }
  async alarm() {}
  webSocket() {}
  then(settled: () => void) {}
  toJSON() { return "a"; }
}
`;

/** Programs of one line that must compile. */
const FITS = [
  `const generic: Promise<Date> = account.generic("a", new Date());`,
  `const one: Promise<string> = account.overloaded("a"); const two: Promise<number> = account.overloaded(1);`,
  `const sum: Promise<number> = account.deposit(5);`,
  `const sum: Promise<number> = env.SAVINGS.newUniqueId().deposit(5);`,
  `const deposit: (amount: number) => Promise<number> = account.deposit;`,
  `const inherited: Promise<bigint> = account.inherited();`,
  `const all: Promise<{ name: string; times: number | undefined; flags: boolean[] }> = account.many("a", 1, true, false);`,
  `account.many("a");`,
  `const sync: Promise<Date> = account.now();`,
  `const none: Promise<void> = account.nothing();`,
  `const flat: Promise<string | undefined> = account.maybe();`,
  `const relayed: Promise<number> = account.relay("b");`,
  `const id: string = account.id;`,
  `const stub: ActorStub<Account> = account;`,
  `const namespace: ActorNamespace<Account> = env.ACCOUNT;`,
  `const same: typeof env.ACCOUNT = env.SAVINGS;`,
  `const answer: Promise<Response> = account.fetch("https://actor/path", { method: "POST", body: "x" });`,
  `const answer: Promise<Response> = account.fetch(new Request("https://actor/path"));`,
  `const posted: Promise<void> = account.send.deposit(5);`,
  `const posted: Promise<void> = account.send.many("a", 1, true);`,
  `const posted: Promise<void> = account.send.inherited();`,
  `const own: Promise<number> = account.send("hello");`,
  `const posted: Promise<void> = account.send.send("hello");`,
  `const sum: Promise<number> = account.with({ idempotencyKey: "a" }).deposit(5);`,
  `const posted: Promise<void> = account.with({ delayMs: 1000 }).send.deposit(5);`,
  `const again: ActorStub<Account> = account.with({ envelopeId: "a" }).with({});`,
  `const answer: Promise<Response> = account.with({ idempotencyKey: "a" }).fetch("https://actor/");`,
  `const id: string = env.LEDGER.idFromName("a").id;`,
  `const typed = env.LEDGER as ActorNamespace<Account>; const sum: Promise<number> = typed.idFromName("a").deposit(5);`,
  `export class Other extends StatefulActor { async to() { return this.env.ACCOUNT.idFromName("a").deposit(5); } }`,
];

/** Programs of one line, and the mistake that the compiler must find in each. */
const MISTAKES = [
  [`account.deposit("5");`, "Argument of type 'string' is not assignable to parameter of type 'number'."],
  [`account.deposit();`, "Expected 1 arguments, but got 0."],
  [`account.deposit(1, 2);`, "Expected 1 arguments, but got 2."],
  [`const sum: number = account.deposit(5);`, "Type 'Promise<number>' is not assignable to type 'number'."],
  [`const sync: Date = account.now();`, /^Type 'Promise<Date>' is missing the following properties/],
  [
    `account.many("a", 1, "b");`,
    "Argument of type 'string' is not assignable to parameter of type 'boolean'.",
  ],
  [`account.deposit = account.deposit;`, "Cannot assign to 'deposit' because it is a read-only property."],
  [`account.id = "b";`, "Cannot assign to 'id' because it is a read-only property."],
  [
    `account.fetch("a", 5);`,
    /^(Argument of type '5'|Type '5') (is not assignable to parameter of|has no properties in common with) type 'RequestInit/,
  ],
  [`account.fetch();`, "Expected 1-2 arguments, but got 0."],
  [
    `account.send.deposit("5");`,
    "Argument of type 'string' is not assignable to parameter of type 'number'.",
  ],
  [`const sum: Promise<number> = account.send.deposit(5);`, /^Type 'Promise<void>' is not assignable/],
  [`account.send(5);`, "Argument of type 'number' is not assignable to parameter of type 'string'."],
  [`account.send.fetch("https://actor/");`, /^Property 'fetch' does not exist on type /],
  [`account.send.hidden();`, /^Property 'hidden' does not exist on type /],
  [`account.send.label;`, /^Property 'label' does not exist on type /],
  [`account.with({ idempotencyKey: 5 });`, "Type 'number' is not assignable to type 'string'."],
  [`account.with({ key: "a" });`, /^Object literal may only specify known properties/],
  [`account.with();`, "Expected 1 arguments, but got 0."],
  [`env.NONE;`, "Property 'NONE' does not exist on type 'Env'."],
  [`env.GREETING;`, "Property 'GREETING' does not exist on type 'Env'."],
  [
    `env.LEDGER.idFromName("a").deposit(5);`,
    /^Property 'deposit' does not exist on type 'ActorStub<unknown>'/,
  ],
  ...[
    "hidden",
    "half",
    "_own",
    "alarm",
    "webSocket",
    "ctx",
    "env",
    "label",
    "limit",
    "total",
    "make",
    "absent",
    "loose",
    "then",
    "toJSON",
  ].map((name) => [
    `account.${name};`,
    new RegExp(`^Property '${name}' does not exist on type 'ActorStub<Account>'`),
  ]),
] as [string, string | RegExp][];

const PROGRAMS = [...FITS, ...MISTAKES.map(([code]) => code)];

const fileOf = (code: string) => `program-${PROGRAMS.indexOf(code)}.ts`;

const preface = `import { type ActorNamespace, type ActorStub, env, StatefulActor } from "stateful-actors";
import type { Account } from "./src/index.ts";
const account = env.ACCOUNT.idFromName("a");
`;

const said = compiledProject({
  files: {
    "actors.toml": MANIFEST,
    "package.json": `{ "type": "module" }`,
    "src/index.ts": ACCOUNT,
    ...Object.fromEntries(PROGRAMS.map((code) => [fileOf(code), `${preface}${code}\n`])),
  },
  packages: ["stateful-actors"],
  options: { allowImportingTsExtensions: true },
});

test("the declaration and the project's own module compile, and so does what they import", () => {
  expect([...said("actors-env.d.ts"), ...said("src/index.ts"), ...said("elsewhere")]).toStrictEqual([]);
});

describe("compiles", () => {
  test.each(FITS)("%s", (code) => expect(said(fileOf(code))).toStrictEqual([]));
});

describe("is a mistake", () => {
  test.each(MISTAKES)("%s", (code, message) => {
    expect(said(fileOf(code))).toStrictEqual([
      typeof message === "string" ? message : expect.stringMatching(message),
    ]);
  });
});

describe("a project that imports @telnyx/edge-runtime", () => {
  const saidThere = compiledProject({
    files: {
      "telnyx.toml": `name = "a"\nmain = "index.ts"\n[[actors]]\nbinding = "ACCOUNT"\ntype = "Account"\n`,
      "package.json": `{ "type": "module" }`,
      "index.ts": ACCOUNT.replace("stateful-actors", "@telnyx/edge-runtime"),
      "right.ts": `import { env } from "@telnyx/edge-runtime";\nexport const sum: Promise<number> = env.ACCOUNT.idFromName("a").deposit(5);\n`,
      "wrong.ts": `import { env } from "@telnyx/edge-runtime";\nenv.ACCOUNT.idFromName("a").deposit("5");\n`,
    },
    packages: ["@telnyx/edge-runtime"],
  });

  test("gets the same types, without this package's own name being installed", () => {
    expect([
      ...saidThere("actors-env.d.ts"),
      ...saidThere("index.ts"),
      ...saidThere("right.ts"),
    ]).toStrictEqual([]);
    expect(saidThere("wrong.ts")).toStrictEqual([MISTAKES[0]?.[1]]);
  });
});

describe("a project that imports this package under both names", () => {
  const saidThere = compiledProject({
    files: {
      "actors.toml": `name = "a"\nmain = "index.ts"\n[[actors]]\nbinding = "ACCOUNT"\ntype = "Account"\n`,
      "package.json": `{ "type": "module" }`,
      "index.ts": `${ACCOUNT}export { env as other } from "@telnyx/edge-runtime";\n`,
      "right.ts": `import { env } from "stateful-actors";\nimport { other } from "./index.js";\nexport const sums: Promise<number>[] = [env, other].map((each) => each.ACCOUNT.idFromName("a").deposit(5));\n`,
    },
    packages: ["stateful-actors", "@telnyx/edge-runtime"],
  });

  test("gets both typed", () => {
    expect([
      ...saidThere("actors-env.d.ts"),
      ...saidThere("index.ts"),
      ...saidThere("right.ts"),
    ]).toStrictEqual([]);
  });
});

describe("a project written in JavaScript", () => {
  const javaScript = `import { StatefulActor } from "stateful-actors";
export class Account extends StatefulActor {
  /** @param {number} amount */
  async deposit(amount) { return amount; }
}
`;
  const saidThere = compiledProject({
    files: {
      "actors.toml": `name = "a"\nmain = "index.js"\n[[actors]]\nbinding = "ACCOUNT"\ntype = "Account"\n`,
      "package.json": `{ "type": "module" }`,
      "index.js": javaScript,
      "right.js": `import { env } from "stateful-actors";\nenv.ACCOUNT.idFromName("a").deposit(5).then((sum) => sum.toFixed());\n`,
      "wrong.js": `import { env } from "stateful-actors";\nenv.ACCOUNT.idFromName("a").deposit("5");\n`,
    },
    packages: ["stateful-actors"],
    options: { allowJs: true, checkJs: true },
  });

  test("is typed from its comments", () => {
    expect([
      ...saidThere("actors-env.d.ts"),
      ...saidThere("index.js"),
      ...saidThere("right.js"),
    ]).toStrictEqual([]);
    expect(saidThere("wrong.js")).toStrictEqual([MISTAKES[0]?.[1]]);
  });
});
