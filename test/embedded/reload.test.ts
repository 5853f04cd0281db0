import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { projectFolder } from "../unit/project/project-folder.ts";
import { type DevServer, startDev } from "./dev-server.ts";

const SOON = { timeout: 60_000, interval: 20 };

const MANIFEST = `name = "tally"
main = "src/index.ts"

[[actors]]
binding = "TALLY"
type = "Tally"
`;

/** A class whose answers say which save they come from, and how often it was called. */
function tally(save: number | string, more = ""): string {
  return `import { existsSync } from "node:fs";
import { StatefulActor } from "stateful-actors";
export class Tally extends StatefulActor {
  seen = 0;
  async count() {
    const calls = ((await this.ctx.storage.get<number>("calls")) ?? 0) + 1;
    await this.ctx.storage.put("calls", calls);
    return { save: ${JSON.stringify(save)}, calls, seen: ++this.seen };
  }
  async which() {
    return ${JSON.stringify(save)};
  }
  async wait(file: string) {
    console.log("waits for " + file);
    while (existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 5));
    return this.count();
  }
  async wakeAt(at: number) {
    await this.ctx.storage.setAlarm(at);
  }
  override async alarm() {
    await this.ctx.storage.put("woken", ${JSON.stringify(save)});
  }
  async woken() {
    return (await this.ctx.storage.get("woken")) ?? null;
  }
}
${more}`;
}

interface Project {
  readonly dir: string;
  readonly dev: DevServer;
  /** Nobody reads half of it: that would be a mistake for a moment. */
  save(path: string, text: string): void;
  /** A call of an instance that ends when told to; resolves once it runs. */
  hold(name: string): Promise<{ readonly held: ReturnType<typeof post>; release(): void }>;
}

async function serve(files: Record<string, string> = {}, ...args: string[]): Promise<Project> {
  const dir = projectFolder({ "actors.toml": MANIFEST, "src/index.ts": tally(1), ...files });
  const dev = await startDev({ args: [".", "--port", "0", ...args], cwd: dir });
  let holds = 0;
  return {
    dir,
    dev,
    save(path, text) {
      writeFileSync(join(dir, `${path}~`), text);
      renameSync(join(dir, `${path}~`), join(dir, path));
    },
    async hold(name) {
      const file = join(dir, `hold-${++holds}`);
      writeFileSync(file, "");
      const held = post(dev.url, `/Tally/${name}/wait`, file);
      await dev.said(`waits for ${file}\n`);
      return { held, release: () => rmSync(file) };
    },
  };
}

async function post(url: string, path: string, ...args: unknown[]) {
  const response = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(args) });
  // biome-ignore lint/suspicious/noExplicitAny: what the test expects it to be
  return { status: response.status, body: (await response.json()) as any };
}

function count({ dev }: Project) {
  return post(dev.url, "/Tally/a/count");
}

/** How many calls of an instance wait or run. */
async function depth({ dev }: Project, name: string): Promise<number> {
  const response = await fetch(`${dev.url}/__actors/api/instance?type=Tally&name=${name}`);
  return ((await response.json()) as { depth: number }).depth;
}

/** Resolves once the code of that save answers. */
async function answersWith(project: Project, save: number | string): Promise<void> {
  await expect.poll(async () => (await post(project.dev.url, "/Tally/probe/which")).body, SOON).toBe(save);
}

/** Resolves when an instance's alarm has run. Nothing is called for it: a call would make good for an alarm that was lost. */
async function alarmed({ dev }: Project, name: string): Promise<void> {
  await dev.said(`Tally[${name}].alarm  ok`);
}

describe("a save", () => {
  test("puts the new code to work; state is kept, memory is not", async () => {
    const project = await serve();
    expect((await count(project)).body).toEqual({ save: 1, calls: 1, seen: 1 });
    expect((await count(project)).body).toEqual({ save: 1, calls: 2, seen: 2 });
    project.save("src/index.ts", tally(2));
    await answersWith(project, 2);
    expect((await count(project)).body).toEqual({ save: 2, calls: 3, seen: 1 });
    expect(project.dev.stdout()).toMatch(/^reloaded in \d+ ms$/m);
    expect(project.dev.stderr()).toBe("");
  });

  test("a call under way ends on the old class, and those that wait behind it run on the new one", async () => {
    const project = await serve();
    const { held, release } = await project.hold("a");
    const behind = count(project);
    await expect.poll(() => depth(project, "a"), SOON).toBe(2);
    project.save("src/index.ts", tally(2));
    await answersWith(project, 2);
    release();
    expect((await held).body).toEqual({ save: 1, calls: 1, seen: 1 });
    expect((await behind).body).toEqual({ save: 2, calls: 2, seen: 1 });
  });

  test("calls of one batch: none of them begins on the old class after the save", async () => {
    const project = await serve();
    // What gathers behind the first call is one batch, in the middle of which the save comes.
    const first = await project.hold("a");
    const before = Array.from({ length: 5 }, () => count(project));
    await expect.poll(() => depth(project, "a"), SOON).toBe(6);
    const middle = project.hold("a");
    await expect.poll(() => depth(project, "a"), SOON).toBe(7);
    const after = Array.from({ length: 5 }, () => count(project));
    await expect.poll(() => depth(project, "a"), SOON).toBe(12);
    first.release();
    const { held, release } = await middle;
    project.save("src/index.ts", tally(2));
    await answersWith(project, 2);
    release();
    const turns = await Promise.all([first.held, ...before, held, ...after]);
    const inOrder = turns.map(({ body }) => body).sort((a, b) => a.calls - b.calls);
    expect(inOrder.map(({ calls }) => calls)).toEqual(turns.map((_, index) => index + 1));
    expect(inOrder.map(({ save }) => save)).toEqual([...Array(7).fill(1), ...Array(5).fill(2)]);
  });

  test("of an editor that writes into the file, or puts a new one in its place, and of a file that is imported", async () => {
    const project = await serve({
      "src/index.ts": `export { Tally } from "./tally.ts";\n`,
      "src/tally.ts": tally(1),
    });
    for (const save of [2, 4]) {
      writeFileSync(join(project.dir, "src/tally.ts"), tally(save));
      await answersWith(project, save);
      project.save("src/tally.ts", tally(save + 1));
      await answersWith(project, save + 1);
    }
  });

  test("exchanges the front door, and an alarm that was set before runs on the new class", async () => {
    const project = await serve({
      "src/index.ts": tally(1, `export default { fetch: () => new Response("front 1") };`),
    });
    const front = async () => (await fetch(project.dev.url)).text();
    expect(await front()).toBe("front 1");
    project.save("src/index.ts", tally(2));
    await answersWith(project, 2);
    const { url } = project.dev;
    const woken = async (name: string) => (await post(url, `/Tally/${name}/woken`)).body;
    // A busy machine may take longer for a save than an alarm has: then once more, with more time.
    for (const [save, ms] of [
      [3, 2_000],
      [4, 10_000],
      [5, 60_000],
    ] as const) {
      const name = `in-${ms}`;
      const due = Date.now() + ms;
      await post(url, `/Tally/${name}/wakeAt`, due);
      project.save("src/index.ts", tally(save));
      await answersWith(project, save);
      const inTime = Date.now() < due;
      await alarmed(project, name);
      if (!inTime) continue;
      expect(await woken(name)).toBe(save);
      return;
    }
    throw new Error("no save has taken effect before an alarm that was set before it");
  });
});

describe("a save that can't run", () => {
  /** Saves it, and gives the answer to the next calls, once that is this error. */
  async function mistake(project: Project, text: string, message: RegExp) {
    project.save("src/index.ts", text);
    const answer = () => post(project.dev.url, "/Tally/probe/which");
    await expect.poll(async () => (await answer()).body.error?.message, SOON).toMatch(message);
    const { status, body } = await answer();
    expect(status).toBe(503);
    return body.error;
  }

  test("is said in the terminal and in the answer to each call, with its place; the next good one heals it", async () => {
    const project = await serve();
    await count(project);
    const error = await mistake(project, `${tally(2)}\nexport class {`, /Expected/);
    const line = tally(2).split("\n").length + 1;
    const message = `src/index.ts:${line}:14: Expected identifier but found "{"`;
    expect(error).toEqual({ name: "BundleError", message });
    expect(project.dev.stderr()).toContain(`error: ${message}\n`);
    project.save("src/index.ts", tally(1));
    await answersWith(project, 1);
    expect((await count(project)).body).toMatchObject({ save: 1, calls: 2 });
  });

  test("keeps no alarm and no call that was accepted before from its turn", async () => {
    const project = await serve();
    const { url } = project.dev;
    const { held, release } = await project.hold("b");
    await post(url, "/Tally/a/wakeAt", Date.now() + 1_500);
    await mistake(project, "export class {", /Expected/);
    release();
    expect(await held).toEqual({ status: 200, body: { save: 1, calls: 1, seen: 1 } });
    await alarmed(project, "a");
    project.save("src/index.ts", tally(2));
    await answersWith(project, 2);
    expect((await post(url, "/Tally/a/woken")).body).toBe(1);
  });

  test("an import that is missing, until its file comes, in a folder that was not there", async () => {
    const project = await serve();
    const index = `import { word } from "./words/greek/alpha.ts";\n${tally("").replaceAll('""', "word")}`;
    const error = await mistake(project, index, /Could not resolve/);
    expect(error.message).toBe(`src/index.ts:1:22: Could not resolve "./words/greek/alpha.ts"`);
    await mkdir(join(project.dir, "src/words/greek"), { recursive: true });
    await writeFile(join(project.dir, "src/words/greek/alpha.ts"), `export const word = "alpha";\n`);
    await answersWith(project, "alpha");
    await rm(join(project.dir, "src/words"), { recursive: true });
    await expect.poll(async () => (await count(project)).status, SOON).toBe(503);
    await mkdir(join(project.dir, "src/words/greek"), { recursive: true });
    await writeFile(join(project.dir, "src/words/greek/alpha.ts"), `export const word = "again";\n`);
    await answersWith(project, "again");
  });

  test("a module that throws while it is loaded, or that has lost its class", async () => {
    const project = await serve();
    const thrown = await mistake(project, `${tally(2)}\nthrow new RangeError("not today");\n`, /not today/);
    expect(thrown).toMatchObject({
      name: "UserModuleError",
      message: expect.stringMatching(/RangeError: not today\n.*src\/index\.ts:\d+:7/s),
    });
    await mistake(project, "export const other = 1;\n", /Tally/);
    project.save("src/index.ts", tally(3));
    await answersWith(project, 3);
  });
});

describe("a save of the manifest", () => {
  test("brings new types and takes old ones away; what their instances hold stays", async () => {
    const project = await serve();
    const { url } = project.dev;
    await count(project);
    const second = `${MANIFEST}\n[[actors]]\nbinding = "OTHER"\ntype = "Other"\n`;
    const other = `export class Other extends StatefulActor {
      async hello() { return Object.keys(this.env as object).sort().join(); }
    }`;
    project.save("src/index.ts", tally(2, other));
    project.save("actors.toml", second);
    await expect.poll(async () => (await post(url, "/Other/x/hello")).body, SOON).toBe("OTHER,TALLY");
    await project.dev.said("; new: Other");
    await post(url, "/Tally/a/wakeAt", Date.now() + 1_000);
    project.save("actors.toml", second.replace(MANIFEST.slice(MANIFEST.indexOf("[[")), ""));
    await project.dev.said("; gone: Tally");
    expect((await count(project)).status).toBe(404);
    expect((await post(url, "/Other/x/hello")).body).toBe("OTHER");
    project.save("actors.toml", second);
    await expect.poll(async () => (await count(project)).body.calls, SOON).toBe(2);
    // Its alarm was due meanwhile, or is now.
    await alarmed(project, "a");
    expect((await post(url, "/Tally/a/woken")).body).toBe(2);
    expect(project.dev.stderr()).toBe("");
  });

  test("with a mistake, or with another name, says what is wrong", async () => {
    const project = await serve();
    project.save("actors.toml", MANIFEST.replace('"TALLY"', '"A__B"'));
    await expect.poll(async () => (await count(project)).body.error?.name, SOON).toBe("ManifestError");
    project.save("actors.toml", MANIFEST.replace("tally", "other"));
    await expect
      .poll(async () => (await count(project)).body.error?.message, SOON)
      .toMatch(/^the name is "other" now, and its state is kept elsewhere: /);
    project.save("actors.toml", MANIFEST);
    await answersWith(project, 1);
  });

  test("sets its variables anew", async () => {
    const vars = (value: string) => `${MANIFEST}[env_vars]\nWORD = ${JSON.stringify(value)}\n`;
    const project = await serve({
      "actors.toml": vars("one"),
      "src/index.ts": tally(1, "export default { fetch: () => new Response(process.env.WORD ?? 'none') };"),
    });
    const word = async () => (await fetch(project.dev.url)).text();
    expect(await word()).toBe("one");
    project.save("actors.toml", vars("two"));
    await expect.poll(word, SOON).toBe("two");
    project.save("actors.toml", MANIFEST);
    await expect.poll(word, SOON).toBe("none");
  });
});

describe("the log", () => {
  test("has a line for each turn, in which a name can't move the cursor", async () => {
    const { dev } = await serve();
    await post(dev.url, `/Tally/${encodeURIComponent("a\u001b[2J\nb")}/count`);
    await dev.said("  v1\n");
    expect(dev.stdout()).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} {2}Tally\[a\\u\{1b\}\[2J\\u\{a\}b\]\.count {2}ok {2}\d+\.\d ms {2}v1$/m,
    );
    await dev.stop();
    expect(dev.stdout()).not.toContain("\u001b");
  });

  test("--quiet has none", async () => {
    const project = await serve({}, "--quiet");
    await count(project);
    await project.dev.stop();
    expect(project.dev.stdout()).not.toContain("count  ok");
  });
});

test("--state memory writes nothing, and a save keeps what is there", async () => {
  const project = await serve({}, "--state", "memory");
  await count(project);
  project.save("src/index.ts", tally(2));
  await answersWith(project, 2);
  expect((await count(project)).body).toMatchObject({ save: 2, calls: 2 });
  expect(await project.dev.stop()).toBe(0);
  expect(readdirSync(project.dir, { recursive: true }).sort()).toEqual([
    "actors.toml",
    "src",
    "src/index.ts",
  ]);
});
