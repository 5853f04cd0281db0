import {
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ACCOUNT_MANIFEST, projectFolder } from "../project/project-folder.ts";
import { type Exit, runActors } from "./run-actors.ts";

const ACCOUNT = `import { StatefulActor } from "stateful-actors";
export class Account extends StatefulActor {
  async deposit(amount: number) { return amount; }
}
`;
const PROJECT = { "actors.toml": ACCOUNT_MANIFEST, "src/index.ts": ACCOUNT };

const DECLARATION = `// Written by \`actors types\` from actors.toml: run it again after a change.
import type { ActorNamespace } from "stateful-actors";
declare module "stateful-actors" {
  interface Env {
    ACCOUNT: ActorNamespace<import("./src/index.ts").Account>;
  }
}
`;

function actor(binding: string, type: string): string {
  return `\n[[actors]]\nbinding = "${binding}"\ntype = "${type}"\n`;
}

/** The declaration that the command writes beside the manifest, and whatever it said. */
async function written(files: Record<string, string>): Promise<Exit & { text: string }> {
  const dir = projectFolder(files);
  const exit = await runActors(dir, "types");
  expect(exit.code, exit.stderr).toBe(0);
  return { ...exit, text: readFileSync(join(dir, "actors-env.d.ts"), "utf8") };
}

describe("the declaration", () => {
  test("stands beside the manifest, and one line says so", async () => {
    const dir = projectFolder(PROJECT);
    expect(await runActors(projectFolder({}), "types", dir)).toStrictEqual({
      code: 0,
      stdout: `wrote ${dir}/actors-env.d.ts: env.ACCOUNT (class Account)\n`,
      stderr: "",
    });
    expect(readFileSync(join(dir, "actors-env.d.ts"), "utf8")).toBe(DECLARATION);
  });

  test("has the bindings of secrets, and nothing else of them", async () => {
    const secrets = ["STRIPE", "JWT"].map(
      (each) => `\n[[secrets]]\nbinding = "${each}"\nname = "prod/${each}"\n`,
    );
    const { text, stdout } = await written({
      "actors.toml": `${ACCOUNT_MANIFEST}${secrets.join("")}`,
      "src/index.ts": ACCOUNT,
    });
    expect(text).toContain('import type { ActorNamespace, Secrets } from "stateful-actors";');
    expect(text).toContain('    SECRETS: Secrets<"STRIPE" | "JWT">;\n  }');
    expect(text).not.toContain("prod/");
    expect(stdout).toContain(": env.ACCOUNT (class Account), env.SECRETS (STRIPE, JWT)\n");
  });

  test("names the manifest it was written from", async () => {
    const { text } = await written({ "telnyx.toml": ACCOUNT_MANIFEST, "src/index.ts": ACCOUNT });
    expect(text.split("\n", 1)[0]).toBe(
      "// Written by `actors types` from telnyx.toml: run it again after a change.",
    );
  });

  test.each(["index.js", "index.mjs", "index.mts", "a b/çä'\\\".ts"])(
    "imports an entry named %s",
    async (main) => {
      const { text } = await written({
        "actors.toml": ACCOUNT_MANIFEST.replace('"src/index.ts"', JSON.stringify(main)),
        [main]: "export class Account {}\n",
      });
      expect(text).toContain(`ACCOUNT: ActorNamespace<import(${JSON.stringify(`./${main}`)}).Account>;`);
    },
  );

  test("imports relative to --out, which is taken from the working directory", async () => {
    const dir = projectFolder(PROJECT);
    const { code } = await runActors(dir, "types", "--out", "types/deep/env.d.ts");
    expect(code).toBe(0);
    expect(readFileSync(join(dir, "types/deep/env.d.ts"), "utf8")).toContain('import("../../src/index.ts")');
    expect(existsSync(join(dir, "actors-env.d.ts"))).toBe(false);
    await runActors(dir, "types", "--out", "src/env.d.ts");
    expect(readFileSync(join(dir, "src/env.d.ts"), "utf8")).toContain('import("./index.ts")');
  });

  test("has every binding, two of one type as well, and none for [env_vars]", async () => {
    const manifest = `${ACCOUNT_MANIFEST}${actor("SAVINGS", "Account")}\n[env_vars]\nGREETING = "hello"\n`;
    const { text, stdout } = await written({ ...PROJECT, "actors.toml": manifest });
    expect(text).toContain(`  interface Env {
    ACCOUNT: ActorNamespace<import("./src/index.ts").Account>;
    SAVINGS: ActorNamespace<import("./src/index.ts").Account>;
  }`);
    expect(stdout).toContain(": env.ACCOUNT (class Account), env.SAVINGS (class Account)\n");
  });

  test("finds classes however the entry module exports them", async () => {
    const names = ["Account", "Renamed", "Starred"];
    const { text } = await written({
      "actors.toml": `name = "x"\nmain = "index.ts"\n${names.map((name) => actor(name.toUpperCase(), name)).join("")}`,
      "index.ts": `export { Account, Inner as Renamed } from "./a.ts";\nexport * from "./b.ts";\n`,
      "a.ts": "export class Account {}\nexport class Inner {}\n",
      "b.ts": "export class Starred {}\n",
    });
    for (const name of names) expect(text).toContain(`import("./index.ts").${name}>`);
  });

  test("leaves the methods of a type open that the entry module does not export", async () => {
    const { text, stdout, stderr } = await written({
      ...PROJECT,
      "actors.toml": ACCOUNT_MANIFEST + actor("LEDGER", "Ledger"),
    });
    expect(text).toContain(`    /**
     * The entry module exports no Ledger: another project owns it, and its methods are not known here.
     * With the owner's class at hand: \`env.LEDGER as ActorNamespace<Ledger>\`.
     */
    LEDGER: ActorNamespace<unknown>;`);
    expect(stdout).toContain("env.ACCOUNT (class Account), env.LEDGER (class Ledger of another project)\n");
    expect(stderr).toBe("");
  });

  test("of a type that is nearly exported comes with a warning", async () => {
    const { stderr } = await written({
      ...PROJECT,
      "actors.toml": ACCOUNT_MANIFEST.replace('"Account"', '"Acount"'),
    });
    expect(stderr).toMatch(
      /^warning: \S+actors\.toml: "src\/index\.ts" exports no Acount, so another project is taken for its owner: did you mean Account\?\n$/,
    );
  });

  test("comes with what the manifest holds in vain", async () => {
    const { stderr } = await written({ ...PROJECT, "actors.toml": `plan = "x"\n${ACCOUNT_MANIFEST}` });
    expect(stderr).toMatch(/^warning: \S+actors\.toml: "plan" is not known and is ignored\n$/);
  });
});

describe("the declaration augments", () => {
  const telnyx = "@telnyx/edge-runtime";
  const dependsOn = (...names: readonly string[]) =>
    JSON.stringify({ dependencies: Object.fromEntries(names.map((name) => [name, "*"])) });
  const typeOnly = `import type { ActorNamespace } from "${telnyx}";\nexport type Ns = ActorNamespace;\n`;
  const modules = (text: string) => [...text.matchAll(/^declare module "(.*)"/gm)].map(([, name]) => name);

  test.each<[string, Record<string, string>, string[]]>([
    [
      "the package that the sources import, whatever package.json says",
      {
        "src/index.ts": ACCOUNT.replace("stateful-actors", telnyx),
        "package.json": dependsOn("stateful-actors"),
      },
      [telnyx],
    ],
    [
      "the package that a module behind the entry imports",
      {
        "src/index.ts": `export { Account } from "./account.ts";\n`,
        "src/account.ts": ACCOUNT.replace("stateful-actors", telnyx),
      },
      [telnyx],
    ],
    [
      "both when both are imported",
      { "src/index.ts": `${ACCOUNT}export { env } from "${telnyx}";\n` },
      ["stateful-actors", telnyx],
    ],
    [
      "the one of package.json when the sources import types alone",
      { "src/index.ts": typeOnly, "package.json": dependsOn(telnyx) },
      [telnyx],
    ],
    [
      "this package when nothing tells",
      { "src/index.ts": "export class Account {}\n", "package.json": "null" },
      ["stateful-actors"],
    ],
    [
      "not what a dependency imports",
      {
        "src/index.ts": `export { Account } from "accounts";\n`,
        "node_modules/accounts/package.json": `{ "main": "main.js", "type": "module" }`,
        "node_modules/accounts/main.js": `import { StatefulActor } from "${telnyx}";\nexport class Account extends StatefulActor {}\n`,
        "package.json": dependsOn("stateful-actors"),
      },
      ["stateful-actors"],
    ],
  ])("%s", async (_, files, expected) => {
    const { text } = await written({ "actors.toml": ACCOUNT_MANIFEST, ...files });
    expect(modules(text)).toStrictEqual(expected);
    expect(text).toContain(`import type { ActorNamespace } from "${expected[0]}";`);
    expect(text.match(/ {4}ACCOUNT: /g)).toHaveLength(expected.length);
  });
});

describe("a second run", () => {
  test("leaves an unchanged file alone", async () => {
    const dir = projectFolder(PROJECT);
    const file = join(dir, "actors-env.d.ts");
    await runActors(dir, "types");
    utimesSync(file, 1, 1);
    const { code, stdout } = await runActors(dir, "types");
    expect({ code, stdout }).toStrictEqual({
      code: 0,
      stdout: `up to date: ${file}: env.ACCOUNT (class Account)\n`,
    });
    expect(statSync(file).mtimeMs).toBe(1000);
  });

  test("takes line ends of Windows for no change", async () => {
    const crlf = DECLARATION.replaceAll("\n", "\r\n");
    const dir = projectFolder({ ...PROJECT, "actors-env.d.ts": crlf });
    expect((await runActors(dir, "types")).stdout).toMatch(/^up to date: /);
    expect((await runActors(dir, "types", "--check")).code).toBe(0);
    expect(readFileSync(join(dir, "actors-env.d.ts"), "utf8")).toBe(crlf);
  });

  test("follows a changed manifest", async () => {
    const dir = projectFolder(PROJECT);
    await runActors(dir, "types");
    writeFileSync(join(dir, "actors.toml"), ACCOUNT_MANIFEST.replace('"ACCOUNT"', '"BANK"'));
    expect((await runActors(dir, "types")).stdout).toMatch(/^wrote .*: env\.BANK \(class Account\)\n$/);
    expect(readFileSync(join(dir, "actors-env.d.ts"), "utf8")).toContain("    BANK: ");
  });
});

describe("--check", () => {
  const fix = "run actors types with the same arguments but --check, and commit the file";

  test("is content with what would be written", async () => {
    const dir = projectFolder({ ...PROJECT, "actors-env.d.ts": DECLARATION });
    expect((await runActors(dir, "types", "--check")).code).toBe(0);
  });

  test("refuses a stale file, and a missing one, and writes nothing", async () => {
    const stale = DECLARATION.replace("ACCOUNT", "BANK");
    const dir = projectFolder({ ...PROJECT, "actors-env.d.ts": stale });
    expect(await runActors(dir, "types", "--check")).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${dir}/actors-env.d.ts is not what ${dir}/actors.toml declares now: ${fix}\n`,
    });
    expect(readFileSync(join(dir, "actors-env.d.ts"), "utf8")).toBe(stale);
    expect(await runActors(dir, "types", "--check", "--out", "no.d.ts")).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${dir}/no.d.ts does not exist: ${fix}\n`,
    });
    expect(existsSync(join(dir, "no.d.ts"))).toBe(false);
  });
});

describe("refuses, and writes nothing,", () => {
  /** Runs to the end and gives what was said after `error: `. */
  async function refusal(files: Record<string, string>, ...args: readonly string[]): Promise<string> {
    const dir = projectFolder(files);
    const { code, stdout, stderr } = await runActors(dir, "types", ...args);
    expect({ code, stdout }).toStrictEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error: /);
    expect(existsSync(join(dir, "actors-env.d.ts"))).toBe(false);
    return stderr.replaceAll(dir, "<dir>").slice("error: ".length).trimEnd();
  }

  test("a folder without a manifest", async () => {
    expect(await refusal({})).toMatch(
      /^<dir> has neither actors\.toml nor telnyx\.toml: write an actors\.toml/,
    );
  });

  test("a folder that does not exist", async () => {
    expect(await refusal({}, "no/such")).toBe(
      "the project folder <dir>/no/such does not exist: name the folder that holds actors.toml or telnyx.toml",
    );
  });

  test("an entry that does not bundle", async () => {
    expect(await refusal({ ...PROJECT, "src/index.ts": "export const = 1;\n" })).toBe(
      `src/index.ts:1:14: Expected identifier but found "="`,
    );
    expect(await refusal({ ...PROJECT, "src/index.ts": `import "no-such-package";\n` })).toBe(
      `src/index.ts:1:8: Could not resolve "no-such-package"`,
    );
  });

  test("two folders", async () => {
    expect(await refusal(PROJECT, ".", "b")).toBe(
      "one project folder is read at a time, not 2 (., b): name one",
    );
  });

  test.each([
    [["--ot", "x"], "Unknown option '--ot': see --help for the options there are"],
    [["--out"], "Option '--out <value>' argument missing: see --help for the options there are"],
    [["--check=yes"], "Option '--check' does not take an argument: see --help for the options there are"],
  ])("the options %j", async (args, message) => {
    expect(await refusal(PROJECT, ...args)).toBe(message);
  });

  test.each(["", "src/index.ts", ".d.ts", "types/"])("--out %j", async (out) => {
    expect(await refusal(PROJECT, `--out=${out}`)).toBe(
      `--out is ${JSON.stringify(out)}: the file must be a declaration, named *.d.ts, such as actors-env.d.ts`,
    );
  });

  test("a folder in the place of the file", async () => {
    const dir = projectFolder(PROJECT);
    mkdirSync(join(dir, "actors-env.d.ts"));
    expect((await runActors(dir, "types")).stderr).toBe(
      `error: ${dir}/actors-env.d.ts can't be read (EISDIR): make it a readable file, or name another with --out <file>\n`,
    );
  });

  test("a place that can't be written", async () => {
    const dir = projectFolder(PROJECT);
    // A link into a folder that is not there can't be written through, not even by root.
    symlinkSync(join(dir, "none/env.d.ts"), join(dir, "env.d.ts"));
    expect(await runActors(dir, "types", "--out", "env.d.ts")).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${dir}/env.d.ts can't be written (ENOENT): make it writable, or name another with --out <file>\n`,
    });
    expect(await refusal(PROJECT, "--out", "src/index.ts/env.d.ts")).toMatch(
      /^<dir>\/src\/index\.ts\/env\.d\.ts can't be read \(ENOTDIR\): /,
    );
  });

  test("to replace a file that it did not write", async () => {
    const dir = projectFolder({ ...PROJECT, "env.d.ts": "declare const mine: 1;\n" });
    expect(await runActors(dir, "types", "--out", "env.d.ts")).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${dir}/env.d.ts was not written by actors types, and is left as it is: remove it, or name another with --out <file>\n`,
    });
    expect(readFileSync(join(dir, "env.d.ts"), "utf8")).toBe("declare const mine: 1;\n");
  });
});
