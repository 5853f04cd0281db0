import { describe, expect, test } from "vitest";
import type { SendRequest } from "../endpoints/api-client.ts";
import type { Firing } from "../projects/probe/src/sleeper.ts";

/** What alarms promise wherever `test/projects/probe` runs. How precise they are is measured in `bench/`, not here. */
export function describeAlarms(name: string, system: () => { request: SendRequest }): void {
  const run = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;
  const SOON = { timeout: 60_000, interval: 100 };
  const sleeper = (instance: string) => {
    const call = async (method: string, ...args: unknown[]) => {
      const path = `/Sleeper/${encodeURIComponent(`${instance}-${run}`)}/${method}`;
      const answer = await system().request("POST", path, JSON.stringify(args));
      return answer.json();
    };
    return { call, firings: async () => (await call("firings")) as Firing[] };
  };
  const count = async (one: ReturnType<typeof sleeper>) => (await one.firings()).length;

  describe(`alarms: ${name}`, () => {
    test("I15: an alarm fires once, not before its time, and is gone then", async () => {
      const one = sleeper("once");
      const due = await one.call("wakeIn", 1_200);
      expect(await one.call("due")).toBe(due);
      expect(await one.firings()).toEqual([]);
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
      const [moved, deleted, thrown, cleared] = ["moved", "deleted", "thrown", "cleared"].map(sleeper) as [
        ReturnType<typeof sleeper>,
        ReturnType<typeof sleeper>,
        ReturnType<typeof sleeper>,
        ReturnType<typeof sleeper>,
      ];
      await moved.call("wakeIn", 500);
      const due = await moved.call("wakeIn", 3_000);
      await deleted.call("wakeIn", 1_000);
      await deleted.call("sleepOn");
      await thrown.call("wakeThenThrow", 500);
      await cleared.call("wakeIn", 1_500);
      await cleared.call("forget");
      await expect.poll(() => count(moved), SOON).toBe(1);
      expect((await moved.firings())[0]).toMatchObject({ due });
      expect((await moved.firings())[0]?.at).toBeGreaterThanOrEqual(due as number);
      await expect.poll(() => count(cleared), SOON).toBe(1);
      expect([await count(deleted), await count(thrown)]).toEqual([0, 0]);
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
        (await system().request("POST", `/Desk/${desk}/notes`, "[]")).json() as unknown[];
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
