import { mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { type ApiAnswer, apiClient } from "../endpoints/api-client.ts";
import { startDev } from "./dev-server.ts";

const CROWD = join(import.meta.dirname, "../projects/crowd");
/** Heap of the server, in MB: a server that keeps all that is sent here ends at it. */
const HEAP_MB = 256;
/** What the whole process may take at most, in MB: heap, buffers of sockets, code. */
const MEMORY_MB = 900;
const folder = mkdtempSync(join(tmpdir(), "overload-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The real command, and a way to call its members from many connections at once. */
async function start() {
  const { url, stderr } = await startDev({
    args: [CROWD, "--port", "0", "--state", mkdtempSync(join(folder, "state-"))],
    cwd: folder,
    env: { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` },
  });
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const { host } = new URL(url);
  const request = apiClient({ endpoint: url.replace("localhost", "127.0.0.1"), host, agent });
  const call = (name: string, method: string, ...args: unknown[]) =>
    request("POST", `/Member/${name}/${method}`, JSON.stringify(args));
  return { call, stderr };
}

type Call = Awaited<ReturnType<typeof start>>["call"];

/** Calls that are made at once, and the answers that have come so far. */
function flood(count: number, make: (index: number) => ReturnType<Call>) {
  const answers: ApiAnswer[] = [];
  const all = Promise.all(
    Array.from({ length: count }, async (_, index) => void answers.push(await make(index))),
  );
  return {
    all,
    with: (status: number) => answers.filter((each) => each.status === status),
    statuses: () => [...new Set(answers.map(({ status }) => status))].sort(),
  };
}

type Flood = ReturnType<typeof flood>;

/**
 * Floods until at least so many are refused. A slow machine may need so long to send them all that some which are held come to their
 * deadline and leave their room to others: then once more, at other instances.
 */
async function refusing(
  least: number,
  begin: (again: string) => Flood,
  gate: { release(): Promise<unknown>; close(): Promise<unknown> },
) {
  for (const again of ["", "-2", "-3", "-4"]) {
    const calls = begin(again);
    let ended = false;
    const end = () => {
      ended = true;
    };
    calls.all.then(end, end);
    const refused = () => calls.with(503).length;
    await expect.poll(() => refused() >= least || calls.with(504).length > 0 || ended).toBe(true);
    if (refused() >= least) return calls;
    await gate.release();
    await calls.all;
    await gate.close();
  }
  throw new Error(`fewer than ${least} calls were refused before others were late, four times`);
}

test("I18: what is too much is refused and has not run, memory stays bounded, and others are served", async () => {
  const { call, stderr } = await start();
  const release = () => expect.poll(async () => (await call("door", "release")).status).toBe(200);
  const close = () => call("door", "close");
  const gate = { release, close };
  const applied = async (name: string, calls: Flood) => {
    const count = (await call(name, "count")).json() as number;
    // Who was told that it is late knows nothing of what came of it.
    expect(count).toBeGreaterThanOrEqual(calls.with(200).length);
    expect(count).toBeLessThanOrEqual(calls.with(200).length + calls.with(504).length);
  };

  // One instance that holds its calls has all that one instance can have; every other one has its room.
  let hotName = "";
  const floodHot = (again: string) => {
    hotName = `hot${again}`;
    return flood(2_000, () => call(hotName, "hold"));
  };
  const hot = await refusing(1_000, floodHot, gate);
  const others = flood(50, (index) => call(`other${index}`, "count"));
  await others.all;
  expect(others.statuses()).toEqual([200]);
  await release();
  await hot.all;
  expect(hot.with(503).length).toBe(1_000);
  await applied(hotName, hot);

  // 64 MB for one instance, and then far more than the heap for many: the server's own limit.
  await close();
  const load = "x".repeat(512 * 1024);
  let heavyName = "";
  const floodHeavy = (again: string) => {
    heavyName = `heavy${again}`;
    return flood(128, () => call(heavyName, "hold", load));
  };
  const heavy = await refusing(97, floodHeavy, gate);
  const floodWide = (again: string) => flood(600, (index) => call(`wide${index % 50}${again}`, "hold", load));
  const wide = await refusing(401, floodWide, gate);
  await release();
  await Promise.all([heavy.all, wide.all]);

  const refused = [hot, heavy, wide].flatMap((each) => each.with(503));
  expect([...new Set(refused.map(({ headers }) => headers["retry-after"]))]).toEqual(["1"]);
  const names = refused.map((each) => (each.json() as { error: { name: string } }).error.name);
  expect([...new Set(names)]).toEqual(["ActorOverloadedError"]);
  for (const each of [hot, heavy, wide]) {
    // A slow machine may hold some for longer than their budget.
    expect([200, 503, 504]).toEqual(expect.arrayContaining(each.statuses()));
  }

  // What was refused has not run, and the server works on.
  await applied(heavyName, heavy);
  expect((await call(heavyName, "hold", load)).status).toBe(200);
  expect((await call("any", "memory")).json()).toBeLessThan(MEMORY_MB);
  expect(stderr()).not.toContain("batch");
}, 600_000);

test("I19: an instance that keeps the processor busy leaves the others their part", async () => {
  const { call } = await start();
  let stopped = false;
  const hot = Promise.allSettled(
    Array.from({ length: 150 }, async () => {
      while (!stopped) await call("hot", "work", 2);
    }),
  );
  onTestFinished(() => {
    stopped = true;
  });
  await expect.poll(async () => (await call("quiet", "worked")).json()).toBeGreaterThan(300);
  // How many turns the busy instance ends while the quiet one gets one call and its answer through: counted in there, as the callers
  // out here are as slow as this machine. When they fail to keep it busy, that is no call to learn from.
  const meanwhile: number[] = [];
  while (meanwhile.length < 40) {
    const seen = await call("witness", "watch", "quiet", 5);
    expect([seen.status, seen.text]).toEqual([200, expect.any(String)]);
    meanwhile.push(...(seen.json() as number[]).filter((turns) => turns > 0));
  }
  stopped = true;
  await hot;
  const median = meanwhile.sort((a, b) => a - b)[meanwhile.length >> 1] as number;
  // A batch has 64, and a call comes through in several steps.
  expect(median).toBeLessThan(48);
});
