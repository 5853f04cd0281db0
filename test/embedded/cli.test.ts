import { execFile } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { connect } from "../../runtime/client.ts";
import { projectFolder } from "../unit/project/project-folder.ts";
import { runDev, startDev } from "./dev-server.ts";

const CLI = join(import.meta.dirname, "../../cli/actors.ts");
const EXAMPLE = join(import.meta.dirname, "../../examples/account");

const MANIFEST = `name = "counter"
main = "src/index.ts"

[[actors]]
binding = "COUNTER"
type = "Counter"

[env_vars]
GREETING = "from the manifest"
`;

const COUNTER = `export class Counter extends StatefulActor {
  async add(n: number): Promise<number> {
    const total = ((await this.ctx.storage.get<number>("total")) ?? 0) + n;
    await this.ctx.storage.put("total", total);
    return total;
  }
}
`;

/** A project outside the repository, without a node_modules of its own, that counts up at `/?n=`. */
function counterProject(from = "stateful-actors", manifestFile = "actors.toml"): Record<string, string> {
  return {
    [manifestFile]: MANIFEST,
    "src/index.ts": `import { StatefulActor } from "${from}";
import { greeting } from "./greeting.ts";
${COUNTER}
export default {
  async fetch(req: Request, env: any): Promise<Response> {
    const n = Number(new URL(req.url).searchParams.get("n"));
    return Response.json({ total: await env.COUNTER.idFromName("one").add(n), greeting: greeting() });
  },
};
`,
    "src/greeting.ts": "export const greeting = (): string | undefined => process.env.GREETING;\n",
  };
}

/** A project whose call says "turn begun" and ends after a while. */
function slowProject(ms: number): Record<string, string> {
  return {
    ...counterProject(),
    "src/index.ts": `import { setTimeout } from "node:timers/promises";
import { StatefulActor } from "stateful-actors";
export class Counter extends StatefulActor {
  async wait() {
    console.log("turn begun");
    await setTimeout(${ms});
    return "done";
  }
}
export default { fetch: async (_req: Request, env: any) => new Response(await env.COUNTER.idFromName("one").wait()) };
`,
  };
}

async function add(url: string, n: number): Promise<unknown> {
  const response = await fetch(`${url}/?n=${n}`);
  return response.json();
}

/** How many processes a process has started that still run. */
async function childrenOf(pid: number | undefined): Promise<number> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "ppid="]);
  return stdout.split("\n").filter((line) => Number(line) === pid).length;
}

describe("npm run dev", () => {
  test("without arguments serves the account example, and the command it prints works", async () => {
    const dev = await startDev({ args: ["--port", "0"], cwd: projectFolder({}) });
    const deposit = `${dev.url}/accounts/alice/deposit`;
    expect(dev.stdout()).toContain(EXAMPLE);
    expect(dev.stdout()).toContain(
      `curl -X POST ${deposit} -H 'content-type: application/json' -d '{"amount":100}'`,
    );
    const response = await fetch(deposit, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"amount":100}',
    });
    expect(await response.json()).toStrictEqual({ account: "alice", balance: 100 });
  });

  test.each([
    ["stateful-actors", "actors.toml"],
    ["@telnyx/edge-runtime", "telnyx.toml"],
  ])("serves a project outside the repository that imports %s and has %s", async (from, manifestFile) => {
    const cwd = projectFolder({});
    const dir = projectFolder(counterProject(from, manifestFile));
    const dev = await startDev({ args: [dir, "--port", "0"], cwd });
    expect(dev.stdout()).toBe(`serving counter on ${dev.url}

  project  ${dir}
  actors   env.COUNTER (class Counter)
  state    ${join(cwd, ".actors/counter")}
  look     ${dev.url}/__actors

Try it:
  curl ${dev.url}/

Ctrl+C stops it.
`);
    expect(dev.stderr()).toBe("");
    expect(await add(dev.url, 2)).toStrictEqual({ total: 2, greeting: "from the manifest" });
    expect(await add(dev.url, 3)).toStrictEqual({ total: 5, greeting: "from the manifest" });
    expect(readdirSync(dir)).not.toContain(".actors");
  });

  test("keeps state over Ctrl+C, SIGTERM and kill -9", async () => {
    const cwd = projectFolder(counterProject());
    const run = { args: [".", "--port", "0", "--state", "kept"], cwd };
    const first = await startDev(run);
    expect(await add(first.url, 1)).toMatchObject({ total: 1 });
    expect(await first.stop("SIGINT")).toBe(0);
    const second = await startDev(run);
    expect(await add(second.url, 1)).toMatchObject({ total: 2 });
    expect(await second.stop("SIGTERM")).toBe(0);
    const third = await startDev(run);
    expect(await add(third.url, 1)).toMatchObject({ total: 3 });
    await third.kill9();
    const fourth = await startDev(run);
    expect(await add(fourth.url, 1)).toMatchObject({ total: 4 });
    expect(existsSync(join(cwd, "kept/counter/state.sqlite"))).toBe(true);
    expect(existsSync(join(cwd, ".actors"))).toBe(false);
  });

  test("stops although the user's module left a timer running", async () => {
    const files = counterProject();
    const index = `setInterval(() => {}, 1000);\n${files["src/index.ts"]}`;
    const dev = await startDev({
      args: [".", "--port", "0"],
      cwd: projectFolder({ ...files, "src/index.ts": index }),
    });
    expect(await dev.stop()).toBe(0);
  });

  test("takes a signal that comes twice at once, as npm sends it, for one", async () => {
    const dev = await startDev({ args: [".", "--port", "0"], cwd: projectFolder(counterProject()) });
    expect(await Promise.all([dev.stop(), dev.stop()])).toStrictEqual([0, 0]);
  });

  test("finishes the call under way at the first Ctrl+C", async () => {
    const dev = await startDev({ args: [".", "--port", "0"], cwd: projectFolder(slowProject(300)) });
    const answer = fetch(dev.url).then((response) => response.text());
    await dev.said("turn begun");
    expect(await dev.stop()).toBe(0);
    expect(await answer).toBe("done");
  });

  test("gives up the call under way at a later Ctrl+C", async () => {
    const dev = await startDev({ args: [".", "--port", "0"], cwd: projectFolder(slowProject(25_000)) });
    const answer = fetch(dev.url).then(
      () => "answered",
      () => "cut off",
    );
    await dev.said("turn begun");
    const again = setInterval(() => void dev.stop(), 100);
    onTestFinished(() => clearInterval(again));
    expect(await dev.stop()).toBe(130);
    expect(await answer).toBe("cut off");
  });

  test("lets the environment win over [env_vars]", async () => {
    const dev = await startDev({
      args: [".", "--port", "0"],
      cwd: projectFolder(counterProject()),
      env: { GREETING: "" },
    });
    expect(await add(dev.url, 1)).toStrictEqual({ total: 1, greeting: "" });
  });

  test("takes the port from $PORT", async () => {
    const { port } = await takenPort();
    const { code, stderr } = await runDev({
      args: ["."],
      cwd: projectFolder(counterProject()),
      env: { PORT: String(port) },
    });
    expect({ code, stderr }).toStrictEqual({ code: 1, stderr: portTaken(port) });
  });

  test("bundles CommonJS dependencies of the project", async () => {
    const dir = projectFolder({
      ...counterProject(),
      "node_modules/old/package.json": `{ "name": "old", "main": "main.js" }`,
      "node_modules/old/main.js": `module.exports = require("node:path").basename("/a/b") + typeof __dirname;`,
      "src/greeting.ts": `// @ts-ignore\nimport old from "old";\nexport const greeting = (): string => old;\n`,
    });
    const dev = await startDev({ args: [dir, "--port", "0"], cwd: dir });
    expect(await add(dev.url, 1)).toStrictEqual({ total: 1, greeting: "bstring" });
  });

  test("shows the RPC door of a project that has no fetch handler", async () => {
    const dir = projectFolder({
      ...counterProject(),
      "src/index.ts": `import { StatefulActor } from "stateful-actors";\n${COUNTER}`,
    });
    const dev = await startDev({ args: [dir, "--port", "0"], cwd: dir });
    expect(dev.stdout()).toContain(
      `curl -X POST ${dev.url}/Counter/alice/add -H 'content-type: application/json' -d '[]'`,
    );
    const response = await fetch(`${dev.url}/Counter/alice/add`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "[5]",
    });
    expect(response.status).toBe(200);
  });

  test("warns of what the manifest holds in vain, and serves", async () => {
    const dir = projectFolder({
      ...counterProject(),
      "actors.toml": `plan = "x"\n${MANIFEST}[telnyx]\nbinding = "T"\n`,
    });
    const dev = await startDev({ args: [dir, "--port", "0"], cwd: dir });
    await expect
      .poll(() => dev.stderr())
      .toBe(
        [
          `warning: ${dir}/actors.toml: "plan" is not known and is ignored`,
          `warning: ${dir}/actors.toml: [telnyx] is accepted but not provided yet: its binding will be missing from env`,
          "",
        ].join("\n"),
      );
    expect(await add(dev.url, 1)).toMatchObject({ total: 1 });
  });

  test("--help shows the options and ends well", async () => {
    const { code, stdout, stderr } = await runDev({ args: ["--help"], cwd: projectFolder({}) });
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: "" });
    for (const part of ["--port", "--state", "--help", "actors.toml"]) expect(stdout).toContain(part);
  });

  test("is the command dev of the program actors", async () => {
    const npm = async (...args: readonly string[]) => {
      const cwd = join(import.meta.dirname, "../..");
      return (await promisify(execFile)("npm", ["run", "--silent", ...args], { cwd })).stdout;
    };
    const help = await npm("dev", "--", "--help");
    expect(help).toContain("actors dev [project folder]");
    expect(await npm("actors", "--", "dev", "--help")).toBe(help);
  });
});

describe("npm start", () => {
  test("serves what npm run dev does, with the same state, and has nothing for a developer", async () => {
    const cwd = projectFolder(counterProject());
    const args = [cwd, "--port", "0"];
    const dev = await startDev({ args, cwd });
    await add(dev.url, 5);
    await dev.said("Counter[one].add  ok");
    expect(await (await fetch(`${dev.url}/__actors`)).text()).toContain("<!doctype html>");
    await dev.stop();

    const started = await startDev({ command: "start", args, cwd });
    expect(await add(started.url, 2)).toMatchObject({ total: 7 });
    // The project's own fetch handler answers, as for any other path.
    expect(await (await fetch(`${started.url}/__actors`)).json()).toMatchObject({ total: 7 });
    await started.kill9();
    const again = await startDev({ command: "start", args, cwd });
    expect(await add(again.url, 0)).toMatchObject({ total: 7 });
    expect(await again.stop()).toBe(0);
    expect(started.stdout()).not.toMatch(/Counter\[one\]|__actors/);
    expect(again.stderr()).toBe("");
  });

  test("lets nobody around a fetch handler but programs that may read the state", async () => {
    const cwd = projectFolder({});
    const state = join(cwd, "state");
    const serve = (project: string) =>
      startDev({ command: "start", args: [project, "--port", "0", "--state", state], cwd });
    const { url } = await serve(EXAMPLE);
    const body = JSON.stringify({ amount: 100 });
    await fetch(`${url}/accounts/alice/deposit`, { method: "POST", body });
    const stranger = connect({ url }).namespace<{ balance(): Promise<number> }>("Account");
    await expect(stranger.idFromName("alice").balance()).rejects.toMatchObject({
      name: "ActorConnectionError",
    });
    const reader = await serve(join(EXAMPLE, "../balance-reader"));
    expect(await (await fetch(`${reader.url}/balances/alice`)).text()).toContain("100");
    const asked = ["call", "Account", "alice", "balance", "--state", state, "--project", "account-svc"];
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...asked]);
    expect(stdout).toBe("100\n");
  });

  test("does not believe a client who it says that calls, where no proxy says it", async () => {
    const cwd = projectFolder({
      ...counterProject(),
      "src/index.ts": `import { identityOf, StatefulActor } from "stateful-actors";
export class Counter extends StatefulActor {
  override async fetch(request: Request) {
    return Response.json(identityOf(request)?.kind ?? "nobody");
  }
}
`,
    });
    const headers = { "actors-identity": JSON.stringify({ kind: "jwt", claims: {}, scopes: [] }) };
    for (const [command, known] of [
      ["dev", "jwt"],
      ["start", "nobody"],
    ] as const) {
      const { url, stop } = await startDev({ command, args: [cwd, "--port", "0"], cwd });
      const one = connect({ url }).namespace("Counter").idFromName("one");
      expect(await (await one.fetch("https://counter/", { headers })).json()).toBe(known);
      await stop();
    }
  });

  test("keeps to itself what a method threw, which npm run dev tells", async () => {
    const cwd = projectFolder({
      ...counterProject(),
      "src/index.ts": `import { StatefulActor } from "stateful-actors";
export class Counter extends StatefulActor {
  async add() {
    throw new RangeError("on purpose");
  }
}
`,
    });
    for (const [command, cause] of [
      ["dev", expect.objectContaining({ name: "RangeError", stack: expect.stringContaining("add") })],
      ["start", undefined],
    ] as const) {
      const { url, stop } = await startDev({ command, args: [cwd, "--port", "0"], cwd });
      const { add } = connect({ url }).namespace("Counter").idFromName("one") as unknown as {
        add(): Promise<never>;
      };
      const error = await add().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: "ActorMethodError", message: "on purpose" });
      expect((error as Error).cause).toEqual(cause);
      await stop();
    }
  });

  test("takes no save, and has no bundler any more that could", async () => {
    const cwd = projectFolder(counterProject());
    const args = [cwd, "--port", "0"];
    const dev = await startDev({ args, cwd });
    expect(await childrenOf(dev.pid)).toBe(1);
    await dev.stop();
    const started = await startDev({ command: "start", args, cwd });
    await expect.poll(() => childrenOf(started.pid)).toBe(0);
    writeFileSync(join(cwd, "src/greeting.ts"), 'export const greeting = () => "saved";\n');
    expect(await add(started.url, 1)).toMatchObject({ greeting: "from the manifest" });
    await started.stop();
    const next = await startDev({ command: "start", args, cwd });
    expect(await add(next.url, 1)).toMatchObject({ total: 2, greeting: "saved" });
  });
});

describe("npm run dev refuses", () => {
  /** Runs to the end and gives what was said after `error: `. */
  async function refusal(files: Record<string, string>, args: readonly string[] = []): Promise<string> {
    const cwd = projectFolder(files);
    const { code, stdout, stderr } = await runDev({ args: [".", "--port", "0", ...args], cwd });
    expect({ code, stdout }).toStrictEqual({ code: 1, stdout: "" });
    expect(stderr.startsWith("error: ")).toBe(true);
    expect(stderr.replaceAll(cwd, "<dir>")).not.toMatch(/\/(cli|handlers|project|runtime)\/\S*\.ts/);
    return stderr.replaceAll(cwd, "<dir>").slice("error: ".length).trimEnd();
  }

  test("a folder without a manifest", async () => {
    expect(await refusal({})).toMatch(
      /^<dir> has neither actors\.toml nor telnyx\.toml: write an actors\.toml such as\n\nname = /,
    );
  });

  test("a project folder that does not exist", async () => {
    const cwd = projectFolder({});
    const { code, stderr } = await runDev({ args: ["no/such"], cwd });
    expect({ code, stderr }).toStrictEqual({
      code: 1,
      stderr: `error: the project folder ${cwd}/no/such does not exist: name the folder that holds actors.toml or telnyx.toml\n`,
    });
  });

  test("a manifest with a mistake", async () => {
    expect(await refusal({ "actors.toml": MANIFEST.replace('"COUNTER"', '"A__B"') })).toMatch(
      /^<dir>\/actors\.toml: \[\[actors\]\] number 1 has the binding "A__B": [^\n]+$/,
    );
  });

  test("a main that does not exist", async () => {
    expect(await refusal({ "actors.toml": MANIFEST })).toMatch(
      /^<dir>\/actors\.toml: "main" is "src\/index\.ts", which does not exist: [^\n]+$/,
    );
  });

  test("a syntax error", async () => {
    const files = { ...counterProject(), "src/greeting.ts": "export const greeting = (: string => 1;\n" };
    expect(await refusal(files)).toBe(`src/greeting.ts:1:26: Unexpected ":"`);
  });

  test("an import that does not resolve", async () => {
    const files = { ...counterProject(), "src/greeting.ts": `export { greeting } from "no-such-package";\n` };
    expect(await refusal(files)).toBe(`src/greeting.ts:1:26: Could not resolve "no-such-package"`);
  });

  test("an import that this package does not have", async () => {
    const index = `import { Nonesuch } from "stateful-actors";\nexport class Counter extends Nonesuch {}\n`;
    expect(await refusal({ ...counterProject(), "src/index.ts": index })).toMatch(
      /^<dir>\/src\/index\.ts failed while it was loaded: SyntaxError: The requested module 'stateful-actors' does not provide an export named 'Nonesuch'$/,
    );
  });

  test("a module that throws while it loads, with the user's own frames only", async () => {
    const files = counterProject();
    const greeting = `export function greeting(): string {\n  throw new RangeError("no greeting today");\n}\n`;
    const index = `${files["src/index.ts"]}\ngreeting();\n`;
    const line = index.split("\n").indexOf("greeting();") + 1;
    const message = await refusal({ ...files, "src/greeting.ts": greeting, "src/index.ts": index });
    const [first, ...frames] = message.split("\n");
    expect(first).toBe("<dir>/src/index.ts failed while it was loaded: RangeError: no greeting today");
    expect(frames).toHaveLength(2);
    expect(frames[0]).toContain("<dir>/src/greeting.ts:2:9");
    expect(frames[1]).toContain(`<dir>/src/index.ts:${line}:1`);
  });

  test("a module that throws something that is no error", async () => {
    const index = `${counterProject()["src/index.ts"]}\nthrow { reason: "odd" };\n`;
    expect(await refusal({ ...counterProject(), "src/index.ts": index })).toBe(
      "<dir>/src/index.ts failed while it was loaded: it threw { reason: 'odd' }",
    );
  });

  test("a module that never finishes loading", async () => {
    const index = `await new Promise(() => {});\n${counterProject()["src/index.ts"]}`;
    expect(await refusal({ ...counterProject(), "src/index.ts": index })).toBe(
      "<dir>/src/index.ts never finishes loading: an await at its top level does not settle",
    );
  });

  test("a class that is not exported, or is no actor", async () => {
    const missing = await refusal({ ...counterProject(), "src/index.ts": "export const other = 1;\n" });
    expect(missing).toMatch(/^[^\n]*Counter[^\n]*$/);
    const plain = await refusal({ ...counterProject(), "src/index.ts": "export class Counter {}\n" });
    expect(plain).toMatch(/^[^\n]*Counter[^\n]*StatefulActor[^\n]*$/);
    expect(plain).not.toBe(missing);
  });

  test("a port that is taken", async () => {
    const { port } = await takenPort();
    expect(await refusal(counterProject(), ["--port", String(port)])).toBe(
      portTaken(port).slice("error: ".length).trimEnd(),
    );
  });

  test("a second server on the same state", async () => {
    const cwd = projectFolder(counterProject());
    const run = { args: [".", "--port", "0"], cwd };
    const first = await startDev(run);
    const { code, stdout, stderr } = await runDev(run);
    expect({ code, stdout }).toStrictEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error: [^\n]*state\.sqlite[^\n]*\n$/);
    expect(await add(first.url, 1)).toMatchObject({ total: 1 });
  });

  test("a state folder that can't be made", async () => {
    expect(await refusal({ ...counterProject(), file: "" }, ["--state", "file/in"])).toMatch(
      /^the state folder can't be used: ENOTDIR: not a directory, mkdir '<dir>\/file\/in\/counter\/build'; choose another with --state <dir>$/,
    );
  });

  test("an unknown option", async () => {
    expect(await refusal(counterProject(), ["--prot", "1"])).toBe(
      "Unknown option '--prot': see --help for the options there are",
    );
  });

  test("a bad port", async () => {
    expect(await refusal(counterProject(), ["--port", "eighty"])).toBe(
      `--port is "eighty": a port is a whole number from 0 to 65535, such as 8787`,
    );
  });
});

function portTaken(port: number): string {
  return `error: port ${port} is already taken: end the program that holds it, or choose another with --port <n>\n`;
}

async function takenPort(): Promise<{ port: number }> {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void holder.close());
  const address = holder.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port };
}
