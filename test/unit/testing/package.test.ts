import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { readPage } from "../../docs/page.ts";
import { installBuilt } from "../cli/user-program.ts";

const MODULES = join(import.meta.dirname, "../../../node_modules");

/** The README's test, for Node's own runner. */
const SESSION_TEST = readPage(join(import.meta.dirname, "../../../README.md")).find(({ text }) =>
  text.includes('from "node:test"'),
)?.text;

/** A test of a whole project, from its folder. */
const PROJECT_TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import { startActors } from "stateful-actors/testing";

test("the project's front door and actors", async () => {
  const actors = await startActors({ project: "project" });
  assert.equal(await (await actors.fetch("http://test/visits")).text(), "hello 1");
  const counter = actors.namespace("Counter").idFromName("/visits");
  assert.equal(await counter.add(), 2);
  assert.deepEqual(Object.keys(actors.env), ["VISITS"]);
  await actors.stop();
});
`;
const PROJECT = {
  "actors.toml": `name = "visits"\nmain = "index.js"\n[env_vars]\nGREETING = "hello"\n[[actors]]\nbinding = "VISITS"\ntype = "Counter"\n`,
  "index.js": `import { StatefulActor } from "stateful-actors";
export class Counter extends StatefulActor {
  async add() {
    const sum = ((await this.ctx.storage.get("sum")) ?? 0) + 1;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
}
export default {
  async fetch(request, env) {
    const counter = env.VISITS.idFromName(new URL(request.url).pathname);
    return new Response(process.env.GREETING + " " + (await counter.add()));
  },
};
`,
};

/** A test of an actor, as TypeScript, for vitest, which loads the user's code by itself and the package as Node does. */
const VITEST_TEST = `import { StatefulActor } from "stateful-actors";
import { startActors, type TestActors } from "stateful-actors/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

class Session extends StatefulActor {
  async touch() {
    await this.ctx.setAlarm(Date.now() + 60 * 60_000);
  }
  override async alarm() {
    await this.ctx.storage.put("expired", new Date());
  }
  async expired() {
    return this.ctx.storage.get<Date>("expired");
  }
}

let actors: TestActors;
beforeEach(async () => {
  actors = await startActors({ Session }, { now: new Date("2030-01-31T12:00:00Z") });
});
afterEach(() => actors.stop());

test("a session ends an hour after the last touch", async () => {
  const session = actors.namespace(Session).idFromName("s1");
  await session.touch();
  await actors.advance("1h");
  expect(await session.expired()).toEqual(new Date("2030-01-31T13:00:00Z"));
});

test("the next test begins with nothing", async () => {
  expect(await actors.namespace(Session).idFromName("s1").expired()).toBeUndefined();
});
`;

test("the built package's kit runs in a user's tests under plain Node and vitest, and keeps their processes no longer than that", async () => {
  const dir = mkdtempSync(join(tmpdir(), "actors-kit-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  installBuilt(join(dir, "node_modules/stateful-actors"), {
    modules: ["runtime/index.ts", "handlers/testing.ts"],
    runs: true,
  });
  // What the kit needs of its dependencies.
  for (const name of ["devalue", "tinyqueue", "esbuild", "smol-toml"])
    symlinkSync(join(MODULES, name), join(dir, "node_modules", name));
  writeFileSync(join(dir, "session.test.mts"), SESSION_TEST ?? "");
  writeFileSync(join(dir, "project.test.mjs"), PROJECT_TEST);
  mkdirSync(join(dir, "project"));
  for (const [name, text] of Object.entries(PROJECT)) writeFileSync(join(dir, "project", name), text);
  writeFileSync(join(dir, "session.spec.ts"), VITEST_TEST);
  symlinkSync(join(MODULES, "vitest"), join(dir, "node_modules/vitest"));
  // Under a runner Node's own one would report to that one, and vitest would take settings from it.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(NODE_|VITEST|TEST$)/.test(name));
  const node = (...args: readonly string[]) =>
    promisify(execFile)(process.execPath, args, { cwd: dir, env: Object.fromEntries(inherited) });
  const { stdout: vitest } = await node(
    "node_modules/vitest/vitest.mjs",
    "run",
    "session.spec.ts",
    "--reporter=json",
  );
  expect(JSON.parse(vitest)).toMatchObject({ success: true, numPassedTests: 2, numTotalTests: 2 });
  const { stdout } = await node("--test", "--test-reporter=tap");
  expect(stdout).toMatch(/^# pass 2$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
}, 600_000);
