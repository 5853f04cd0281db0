import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type ActorStub, connect } from "../../runtime/client.ts";
import type { Desk } from "../projects/probe/src/index.ts";
import { startDev } from "./dev-server.ts";

const PROBE = join(import.meta.dirname, "../projects/probe");
const SOON = { timeout: 120_000 };

/** Starts the real command on one state folder, as often as a test asks. */
function servers() {
  const folder = mkdtempSync(join(tmpdir(), "call-crashes-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return async () => {
    const server = await startDev({ args: [PROBE, "--port", "0", "--state", folder], cwd: folder });
    const desks = connect({ url: server.url }).namespace<Desk>("Desk");
    return { ...server, desk: (name: string) => desks.idFromName(name) };
  };
}

describe("after SIGKILL", () => {
  test("the outcome of a keyed call is there: results and failures", async () => {
    const start = servers();
    const first = await start();
    const keyed = (server: typeof first) => server.desk("a").with({ idempotencyKey: "k" });
    const failing = (server: typeof first) => server.desk("a").with({ idempotencyKey: "f" });
    expect(await keyed(first).note("once")).toBe(1);
    const failure: Error = await failing(first)
      .fail("first")
      .catch((error) => error);
    await first.kill9();

    const second = await start();
    expect(await second.desk("a").note("after")).toBe(2);
    expect(await keyed(second).note("once")).toBe(1);
    await expect(failing(second).fail("first")).rejects.toThrow(failure.message);
    await expect(keyed(second).note("other")).rejects.toMatchObject({ name: "ActorIdempotencyError" });
    expect(await second.desk("a").notes()).toEqual(["once", "after"]);
  });

  test("one-way messages that were not delivered yet arrive, each once: behind a running turn, and delayed", async () => {
    const start = servers();
    const first = await start();
    const later = await notDeliveredYet(first.desk);
    // Cut off, whatever comes of it: the messages below wait behind it.
    first
      .desk("busy")
      .noteSlowly("cut off", 25_000)
      .catch(() => {});
    for (const text of ["one", "two", "three"]) await first.desk("busy").send.note(text);
    await first.kill9();

    const second = await start();
    await expect.poll(() => second.desk("busy").notes(), SOON).toContain("three");
    await expect.poll(async () => (await second.desk(later).notes()).length, SOON).toBe(2);
    expect(await second.desk("busy").notes()).toEqual(["one", "two", "three"]);
    expect([...(await second.desk(later).notes())].sort()).toEqual(["a", "b"]);
  });

  /** Sends a desk two notes for later. On a machine that is so busy that they are there already, another one, for still later. */
  async function notDeliveredYet(desk: (name: string) => ActorStub<Desk>): Promise<string> {
    for (const delayMs of [4_000, 15_000, 60_000]) {
      const name = `in ${delayMs} ms`;
      for (const text of ["a", "b"]) await desk(name).with({ delayMs }).send.note(text);
      if ((await desk(name).notes()).length === 0) return name;
    }
    throw new Error("no message took its time");
  }

  test("of each turn that was cut off all messages have left or none; of those that were answered all, once", async () => {
    const start = servers();
    const first = await start();
    const answered = new Set<number>();
    let begun = 0;
    let stopped = false;
    onTestFinished(() => {
      stopped = true;
    });
    const load = Promise.all(
      Array.from({ length: 16 }, async () => {
        while (!stopped) {
          const n = begun++;
          const told = await first
            .desk(`teller ${n}`)
            .tell(`told ${n}`, [1, 2, 3])
            .catch(() => undefined);
          if (told === undefined) return;
          answered.add(n);
        }
      }),
    );
    await expect.poll(() => answered.size, { ...SOON, interval: 5 }).toBeGreaterThan(200);
    await first.kill9();
    stopped = true;
    await load;

    const second = await start();
    await Promise.all(
      Array.from({ length: begun }, async (_, n) => {
        const told = () => second.desk(`told ${n}`).notes();
        const committed = (await second.desk(`teller ${n}`).notes()).length;
        if (answered.has(n)) expect([n, committed]).toEqual([n, 1]);
        if (committed > 0) await expect.poll(async () => (await told()).length, SOON).toBe(3);
        expect([n, await told()]).toEqual([n, committed > 0 ? [1, 2, 3] : []]);
      }),
    );
  });
});
