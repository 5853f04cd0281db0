import { describe, expect, test } from "vitest";
import type { SendRequest } from "../endpoints/api-client.ts";
import type { Firing } from "../projects/probe/src/sleeper.ts";
import { insisting } from "./asking-again.ts";

/** An instance of `Sleeper`. */
interface Sleeping {
  call(method: string, ...args: unknown[]): Promise<unknown>;
  firings(): Promise<Firing[]>;
}

/** What alarms promise wherever `test/projects/probe` runs. How precise they are is measured in `bench/`, not here. */
export function describeAlarms(name: string, system: () => { request: SendRequest }): void {
  const run = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;
  const SOON = { timeout: 120_000, interval: 100 };
  const sleeper = (instance: string): Sleeping => {
    const call = async (method: string, ...args: unknown[]) => {
      const path = `/Sleeper/${encodeURIComponent(`${instance}-${run}`)}/${method}`;
      const answer = await insisting(system().request)("POST", path, JSON.stringify(args));
      return answer.json();
    };
    return { call, firings: async () => (await call("firings")) as Firing[] };
  };
  const count = async (one: Sleeping) => (await one.firings()).length;

  /**
   * Does something to an alarm before it is due. A busy machine may take longer for a call than the alarm has: then once more, on another
   * instance, with more time.
   *
   * @param act gets the ms after which the alarm is due; resolves to when it has run, by the instance's clock
   */
  const inTime = async (instance: string, act: (one: Sleeping, ms: number) => Promise<number>) => {
    for (const ms of [500, 2_000, 8_000, 20_000]) {
      const one = sleeper(`${instance}-${ms}`);
      const due = (await one.call("wakeIn", ms)) as number;
      if ((await act(one, ms)) < due) return { one, due };
    }
    throw new Error(`no call of ${instance} has run within 20 s of the one before`);
  };

  describe(`alarms: ${name}`, () => {
    test("I15: an alarm fires once, not before its time, and is gone then", async () => {
      const one = sleeper("once");
      const far = await one.call("wakeIn", 600_000);
      expect(await one.call("due")).toBe(far);
      expect(await one.firings()).toEqual([]);
      const due = await one.call("wakeIn", 1_200);
      await expect.poll(() => count(one), SOON).toBe(1);
      const [firing] = await one.firings();
      expect(firing).toMatchObject({ due, alarm: null, info: { retryCount: 0, isRetry: false } });
      expect(firing?.at).toBeGreaterThanOrEqual(due as number);
      expect(await one.call("due")).toBe(null);
      // A second one comes and goes behind it: the first has not fired again.
      await one.call("wakeIn", 0);
      await expect.poll(() => count(one), SOON).toBe(2);
    });

    test("I15: an alarm in the past fires at once", async () => {
      const one = sleeper("past");
      await one.call("wakeAt", 5);
      await expect.poll(() => count(one), SOON).toBe(1);
    });

    test("I13: moved, deleted and rolled back alarms do not fire; deleteAll leaves one", async () => {
      let due = 0;
      const { one: moved } = await inTime("moved", async (one, ms) => {
        due = (await one.call("wakeIn", ms + 2_500)) as number;
        return due - ms - 2_500;
      });
      const { one: deleted, due: never } = await inTime(
        "deleted",
        (one) => one.call("sleepOn") as Promise<number>,
      );
      const { one: cleared } = await inTime("cleared", (one) => one.call("forget") as Promise<number>);
      const thrown = sleeper("thrown");
      await thrown.call("wakeThenThrow", 500);
      await expect.poll(() => count(moved), SOON).toBe(1);
      expect((await moved.firings())[0]).toMatchObject({ due });
      expect((await moved.firings())[0]?.at).toBeGreaterThanOrEqual(due);
      await expect.poll(() => count(cleared), SOON).toBe(1);
      // Set after all others and due after them: once it has fired, they would have.
      const control = sleeper("control");
      const now = (await control.call("sleepOn")) as number;
      await control.call("wakeAt", Math.max(due, never, now + 500) + 2_000);
      await expect.poll(() => count(control), SOON).toBe(1);
      expect([await count(moved), await count(deleted), await count(thrown)]).toEqual([1, 0, 0]);
    });

    test("I16: a handler that fails is tried again, and told so", async () => {
      const one = sleeper("flaky");
      await one.call("wakeIn", 0, { failures: 2 });
      await expect.poll(() => count(one), SOON).toBe(1);
      expect((await one.firings())[0]?.info).toEqual({ retryCount: 2, isRetry: true });
      expect(await one.call("due")).toBe(null);
    });

    test("I16: after four attempts the alarm is dropped, and the actor has the last word", async () => {
      const one = sleeper("failing");
      await one.call("wakeIn", 0, { failures: 100 });
      await expect.poll(() => count(one), SOON).toBe(1);
      expect(await one.firings()).toEqual([
        expect.objectContaining({
          dropped: expect.stringContaining("attempt 3 failed"),
          info: { retryCount: 3, isRetry: true },
          alarm: null,
        }),
      ]);
      expect(await one.call("due")).toBe(null);
    });

    test("I15: a handler sets the next alarm, and sends messages with its commit", async () => {
      const one = sleeper("chain");
      const desk = `told-${run}`;
      await one.call("wakeIn", 0, { again: { inMs: 300, times: 4 }, tell: desk });
      await expect.poll(() => count(one), SOON).toBe(4);
      const notes = async () =>
        (await insisting(system().request)("POST", `/Desk/${desk}/notes`, "[]")).json() as unknown[];
      await expect.poll(async () => (await notes()).length, SOON).toBe(4);
      expect(await notes()).toEqual([1, 2, 3, 4]);
    });

    test("no caller reaches the handlers", async () => {
      const one = sleeper("closed");
      for (const method of ["alarm", "onAlarmDropped"]) {
        expect(await one.call(method, {})).toMatchObject({ error: { name: "ActorPrivateMethodError" } });
      }
    });
  });
}
