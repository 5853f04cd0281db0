import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type EmbeddedServer, startEmbedded } from "../../handlers/embedded.ts";
import { createSqliteDirectory } from "../../runtime/adapters/local/sqlite-directory.ts";
import { createSqliteStore } from "../../runtime/adapters/local/sqlite-store.ts";
import { openStateFile, readStateFile } from "../../runtime/adapters/local/state-file.ts";
import { connect } from "../../runtime/client.ts";
import { encode } from "../../runtime/core/codec.ts";
import { encodeEnvelope } from "../../runtime/core/envelope.ts";
import { NEW_HEAD } from "../../runtime/core/state.ts";
import type { AlarmInfo } from "../../runtime/index.ts";
import type { Envelope } from "../../runtime/ports/mailbox.ts";
import type { Commit, Head } from "../../runtime/ports/store.ts";
import * as probe from "../projects/probe/src/index.ts";
import type { Sleeper } from "../projects/probe/src/sleeper.ts";
import { startDev } from "./dev-server.ts";

const PROBE = join(import.meta.dirname, "../projects/probe");
const SOON = { timeout: 120_000 };
/** Where the state of the probe project lies in a state folder. */
const STATE_FILE = "probe-svc/state.sqlite";
const BINDINGS = [
  { binding: "SLEEPER", type: "Sleeper" },
  { binding: "DESK", type: "Desk" },
];

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "alarms-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The sleepers of a state file, without a call: a call would notice an alarm whose wake is lost, and make good for it. */
async function asleep(stateFile: string) {
  const db = readStateFile(stateFile);
  try {
    const all = { type: "Sleeper", prefix: "", after: undefined, limit: 20_000 };
    return (await createSqliteDirectory(db).list(all)).instances;
  } finally {
    db.close();
  }
}

/** Resolves when none of these instances, or of all, has an alarm that is still to fire. */
async function allFired(
  stateFile: string,
  names?: readonly string[],
  options: { timeout: number; interval?: number } = SOON,
): Promise<void> {
  const waiting = async () =>
    (await asleep(stateFile)).filter(({ name, alarm }) => alarm && (names?.includes(name) ?? true)).length;
  await expect.poll(waiting, options).toBe(0);
}

function sleepers({ url }: { url: string }) {
  const namespace = connect({ url }).namespace<Sleeper>("Sleeper");
  return (name: string) => namespace.idFromName(name);
}

describe("alarms of a server that ends", () => {
  test("I14: those that are due later, and those that were due meanwhile, fire after SIGKILL, each once", async () => {
    const folder = temporaryFolder();
    const start = () => startDev({ args: [PROBE, "--port", "0", "--state", folder], cwd: folder });
    const first = await start();
    const firstOne = sleepers(first);
    const later = Date.now() + 6_000;
    for (let n = 0; n < 20; n++) await firstOne(`later ${n}`).wakeAt(later);
    // So far ahead that the first server is gone, and so near that they are overdue when the second one comes.
    const soon = Date.now() + 1_000;
    for (let n = 0; n < 20; n++) await firstOne(`soon ${n}`).wakeAt(soon);
    await first.kill9();
    await expect.poll(() => Date.now(), SOON).toBeGreaterThan(soon);

    const secondOne = sleepers(await start());
    await allFired(join(folder, STATE_FILE));
    for (const [kind, due] of [
      ["soon", soon],
      ["later", later],
    ] as const) {
      for (let n = 0; n < 20; n++) {
        const one = secondOne(`${kind} ${n}`);
        const [firing, ...more] = await one.firings();
        expect(more).toEqual([]);
        expect(firing?.at).toBeGreaterThanOrEqual(due);
        expect(firing?.due).toBe(due);
      }
    }
  });

  test("I15: killed again and again while alarms fire and set the next one, none is lost and none fires twice", async () => {
    const folder = temporaryFolder();
    const start = () => startDev({ args: [PROBE, "--port", "0", "--state", folder], cwd: folder });
    const names = Array.from({ length: 40 }, (_, n) => `chain ${n}`);
    let server = await start();
    // They go on until they are told to end: however slow this is, no kill comes too late.
    const again = { inMs: 50, times: Number.MAX_SAFE_INTEGER };
    for (const name of names) await sleepers(server)(name).wakeIn(0, { again });
    /** Resolves when each of these has fired since. */
    const allFireOn = async (chains: readonly string[]) => {
      const versions = async () =>
        new Map((await asleep(join(folder, STATE_FILE))).map(({ name, version }) => [name, version]));
      const before = await versions();
      const still = async () => {
        const now = await versions();
        return chains.filter((name) => (now.get(name) ?? 0) <= (before.get(name) ?? 0));
      };
      await expect.poll(still, SOON).toEqual([]);
    };
    for (let kills = 0; kills < 4; kills++) {
      // It dies while they fire, and not before.
      await allFireOn(names.slice(0, 1));
      await server.kill9();
      server = await start();
    }
    await allFireOn(names);
    const last = new Map<string, number | null>();
    for (const name of names) last.set(name, await sleepers(server)(name).fireOnceMore());
    await allFired(join(folder, STATE_FILE));
    for (const name of names) {
      const one = sleepers(server)(name);
      const dues = (await one.firings()).map(({ due }) => due);
      expect(dues.at(-1)).toBe(last.get(name));
      expect(new Set(dues).size).toBe(dues.length);
      expect(await one.due()).toBe(null);
    }
  });

  test("I15: an overdue alarm of an instance that owes messages runs once, not beside their leaving", async () => {
    const stateFile = join(temporaryFolder(), "state.sqlite");
    const file = openStateFile(stateFile);
    const store = createSqliteStore(file);
    const owing = (name: string, head: Partial<Head>): Commit => {
      const call = { kind: "method", method: "wakeIn", args: encode([3_600_000], "args") } as const;
      const owed: Envelope = {
        id: `=owed-${name}`,
        attempt: `owed-${name}`,
        to: { type: "Sleeper", name: `told by ${name}` },
        call,
        fingerprint: "0123456789ab",
        awaited: false,
        due: undefined,
        deadline: Number.MAX_SAFE_INTEGER,
        chain: [],
      };
      return {
        id: { type: "Sleeper", name },
        expected: 0,
        head: { ...NEW_HEAD, version: 1, outbox: [encodeEnvelope(owed)], ...head },
        entries: new Map(),
      };
    };
    await store.commit(owing("a", { alarm: { at: 5, retries: 0 }, wake: { at: 5, version: 1 } }));
    await store.commit(owing("b", {}));
    file.close();
    let runs = 0;
    class Sleeper extends probe.Sleeper {
      override async alarm(info: AlarmInfo) {
        runs++;
        await super.alarm(info);
      }
    }
    const server = await startEmbedded({
      module: { ...probe, Sleeper },
      actors: BINDINGS,
      stateFile,
      port: 0,
      host: "127.0.0.1",
    });
    onTestFinished(() => server.close());
    const sleeper = sleepers(server);
    for (const name of ["a", "b"]) {
      await expect.poll(() => sleeper(`told by ${name}`).due(), SOON).not.toBe(null);
    }
    await allFired(stateFile, ["a"]);
    expect((await sleeper("a").firings()).length).toBe(1);
    expect(runs).toBe(1);
  });

  test("alarms of a class that the project has no more wait for its return, and are told of", async () => {
    const stateFile = join(temporaryFolder(), "state.sqlite");
    const start = (module: Record<string, unknown>, actors: typeof BINDINGS): Promise<EmbeddedServer> =>
      startEmbedded({ module, actors, stateFile, port: 0, host: "127.0.0.1" });
    const whole = { ...probe };
    const file = openStateFile(stateFile);
    const head = { ...NEW_HEAD, version: 1, alarm: { at: 5, retries: 0 }, wake: { at: 5, version: 1 } };
    const id = { type: "Sleeper", name: "waiting" };
    await createSqliteStore(file).commit({ id, expected: 0, head, entries: new Map() });
    file.close();
    const [, desk] = BINDINGS;
    const told: string[] = [];
    const spy = vi.spyOn(console, "error").mockImplementation((line) => void told.push(String(line)));
    onTestFinished(() => spy.mockRestore());
    const without = await start(whole, desk ? [desk] : []);
    // What is overdue fires at once: it would have, by the time that others have.
    const other = { module: whole, actors: BINDINGS, stateFile: join(temporaryFolder(), "state.sqlite") };
    const beside = await startEmbedded({ ...other, port: 0, host: "127.0.0.1" });
    onTestFinished(() => beside.close());
    await sleepers(beside)("beside").wakeIn(0);
    await expect.poll(async () => (await sleepers(beside)("beside").firings()).length, SOON).toBe(1);
    await without.close();
    spy.mockRestore();
    expect(told).toEqual([
      expect.stringMatching(/alarms left waiting: the project has no such class.*Sleeper/),
    ]);
    const third = await start(whole, BINDINGS);
    onTestFinished(() => third.close());
    await allFired(stateFile);
    expect((await sleepers(third)("waiting").firings()).length).toBe(1);
  });
});

test("I15: 10,000 instances with alarms in the same second all fire, while the server answers calls", async () => {
  const stateFile = join(temporaryFolder(), "state.sqlite");
  const server = await startEmbedded({
    module: { ...probe },
    actors: BINDINGS,
    stateFile,
    port: 0,
    host: "127.0.0.1",
  });
  onTestFinished(() => server.close());
  const sleeper = sleepers(server);
  const names = Array.from({ length: 10_000 }, (_, n) => `one of many ${n}`);
  const due = Date.now() + 20_000;
  const inTurns = async (work: (name: string) => Promise<unknown>) => {
    const left = [...names];
    const worker = async () => {
      for (let name = left.pop(); name !== undefined; name = left.pop()) await work(name);
    };
    await Promise.all(Array.from({ length: 64 }, worker));
  };
  await inTurns((name) => sleeper(name).wakeAt(due));
  let answered = 0;
  let fired = false;
  const calling = (async () => {
    while (!fired) {
      expect(await sleeper("bystander").due()).toBe(null);
      answered++;
    }
  })();
  onTestFinished(() => {
    fired = true;
  });
  await expect.poll(() => answered, SOON).toBeGreaterThan(0);
  await allFired(stateFile, undefined, { timeout: 600_000, interval: 1_000 });
  fired = true;
  await calling;
  await inTurns(async (name) => {
    expect([name, (await sleeper(name).firings()).length]).toEqual([name, 1]);
  });
}, 900_000);
