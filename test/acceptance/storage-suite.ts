import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Step } from "../projects/probe/src/script.ts";
import { StorageModel, session, type TurnResult } from "./storage-model.ts";

/** Where the storage semantics are tested: calls a method of an instance of the probe project, with JSON in and out. */
export interface StorageSystem {
  call(
    type: "Script" | "Loader",
    instance: string,
    method: string,
    args: readonly unknown[],
  ): Promise<TurnResult>;
  /** Makes the instance lose its memory, where that can be done from outside. */
  evict?(type: "Script" | "Loader", instance: string): void;
}

export interface StorageSuiteOptions {
  /** How many random sessions are compared with the model. */
  readonly sessions: number;
  /** How many of them run side by side. */
  readonly atOnce: number;
  /** Seed of the sessions; random, or `SEED` from the environment, if not given. */
  readonly seed?: number;
}

/** What `ctx.storage` promises, on whatever store. */
export function describeStorage(
  name: string,
  system: () => StorageSystem,
  { sessions, atOnce }: StorageSuiteOptions,
): void {
  const fresh = () => randomUUID();
  const run = async (instance: string, ...steps: Step[]) => system().call("Script", instance, "run", [steps]);
  const call = async (instance: string, method: string, ...args: unknown[]) =>
    system().call("Script", instance, method, args);
  const results = async (instance: string, ...steps: Step[]) => {
    const { results, error } = await run(instance, ...steps);
    if (error !== undefined) throw new Error(error);
    return results as unknown[];
  };
  const keys = async (instance: string, options?: Step[1]) => {
    const [listed] = await results(instance, (options ? ["list", options] : ["list"]) as Step);
    return (listed as [string, unknown][]).map(([key]) => key);
  };
  const put = (...names: string[]) => names.map((key): Step => ["put", key, key]);

  describe(`storage: ${name}`, () => {
    test("list is in the order of UTF-8 bytes, also beyond the basic plane", async () => {
      const one = fresh();
      await results(one, ...put("b", "a", "é", "😀", "\u{ff5e}", "Z", "ab", "a/", "\u{e000}", ""));
      const order = ["", "Z", "a", "a/", "ab", "b", "é", "\u{e000}", "\u{ff5e}", "😀"];
      expect(await keys(one)).toEqual(order);
      expect(await keys(one, { reverse: true })).toEqual(order.toReversed());
    });

    test("list options and their combinations", async () => {
      const one = fresh();
      await results(one, ...put("a", "b/1", "b/2", "b/3", "c", "d"));
      expect(await keys(one, { prefix: "b/" })).toEqual(["b/1", "b/2", "b/3"]);
      expect(await keys(one, { start: "b/2" })).toEqual(["b/2", "b/3", "c", "d"]);
      expect(await keys(one, { startAfter: "b/2" })).toEqual(["b/3", "c", "d"]);
      expect(await keys(one, { end: "c" })).toEqual(["a", "b/1", "b/2", "b/3"]);
      expect(await keys(one, { start: "b", end: "c", limit: 2 })).toEqual(["b/1", "b/2"]);
      expect(await keys(one, { start: "b", end: "c", limit: 2, reverse: true })).toEqual(["b/3", "b/2"]);
      expect(await keys(one, { prefix: "b/", startAfter: "b/1", end: "b/3" })).toEqual(["b/2"]);
      expect(await keys(one, { prefix: "b/", start: "a", startAfter: "b/2" })).toEqual(["b/3"]);
      expect(await keys(one, { start: "d", end: "a" })).toEqual([]);
      expect(await keys(one, { prefix: "x" })).toEqual([]);
    });

    test("list gives 128 unless told otherwise, 1000 at most, and refuses other limits", async () => {
      const one = fresh();
      await call(one, "fill", 1100, 10);
      expect((await keys(one)).length).toBe(128);
      expect((await keys(one, { limit: 1000 })).length).toBe(1000);
      expect((await keys(one, { limit: 1000, reverse: true }))[0]).toBe("k001099");
      for (const limit of [0, -1, 1001, 1.5, "5" as unknown as number]) {
        expect((await run(one, ["list", { limit }])).error).toBe(
          `StorageLimitError: the list limit must be a whole number from 1 to 1000, not ${limit}`,
        );
      }
      expect(await call(one, "count")).toEqual({ results: 1100 });
    });

    test("read your writes: draft over head over entries, in get and in list", async () => {
      const one = fresh();
      const large = "x".repeat(3000);
      await results(one, ["put", "small", 1], ["put", "large", large], ["put", "gone", large]);
      expect(
        await results(
          one,
          ["put", "small", 2],
          ["put", "new", 3],
          ["delete", "gone"],
          ["get", "gone"],
          ["list"],
          ["put", "gone", 4],
          ["list", { limit: 1 }],
          ["list", { reverse: true, limit: 1 }],
        ),
      ).toEqual([
        null,
        null,
        true,
        null,
        [
          ["large", large],
          ["new", 3],
          ["small", 2],
        ],
        null,
        [["gone", 4]],
        [["small", 2]],
      ]);
    });

    test("values move between head and entries as they grow and shrink", async () => {
      const one = fresh();
      for (const length of [10, 3000, 10, 2000, 2000, 100_000, 0]) {
        await results(one, ["put", "v", "x".repeat(length)], ["put", "w", "y".repeat(2000)]);
        system().evict?.("Script", one);
        expect(await keys(one)).toEqual(["v", "w"]);
        expect(await results(one, ["get", "v"])).toEqual(["x".repeat(length)]);
      }
      expect(await results(one, ["delete", "v"], ["delete", "w"], ["list"])).toEqual([true, true, []]);
    });

    test("undefined is no value: it could not be told from a key that is not there", async () => {
      expect((await call(fresh(), "putNothing")).error).toBe(
        'CodecError: the value for key "nothing" is undefined, which is no value; use delete',
      );
    });

    test("a list sees the writes made before it and not those after, awaited or not", async () => {
      expect(await call(fresh(), "listUnawaited")).toEqual({ results: ["a"] });
    });

    test("I5: ten thousand keys in one turn, all or nothing; deleteAll takes them all at once", async () => {
      const one = fresh();
      await call(one, "fill", 10_000, 20);
      system().evict?.("Script", one);
      expect(await call(one, "count")).toEqual({ results: 10_000 });
      const rolledBack = await run(one, ["deleteAll"], ["list"], ["throw"]);
      expect(rolledBack.error).toBe("ActorMethodError: thrown by the script");
      expect(await call(one, "count")).toEqual({ results: 10_000 });
      expect(
        await results(one, ["deleteAll"], ["list"], ["get", "k000001"], ["put", "k000002", 1], ["list"]),
      ).toEqual([null, [], null, null, [["k000002", 1]]]);
      expect(await keys(one)).toEqual(["k000002"]);
      system().evict?.("Script", one);
      expect(await keys(one)).toEqual(["k000002"]);
      expect(await results(one, ["delete", "k000003"], ["get", "k000004"])).toEqual([false, null]);
    });

    test("I5: six megabytes in one turn", async () => {
      const one = fresh();
      await call(one, "fill", 20, 300_000);
      system().evict?.("Script", one);
      expect(await keys(one)).toEqual(Array.from({ length: 20 }, (_, n) => `k${String(n).padStart(6, "0")}`));
    });

    test("a transaction that resolves joins the turn", async () => {
      const one = fresh();
      expect(
        await results(
          one,
          ["put", "a", 1],
          ["transaction", [["get", "a"], ["put", "a", 2], ["delete", "a"], ["list"], ["put", "b", 3]]],
          ["list"],
        ),
      ).toEqual([null, [1, null, true, [], null], [["b", 3]]]);
      expect(await call(fresh(), "twoTransactionsAtOnce")).toEqual({ results: ["not seen", 2] });
    });

    test("a transaction that throws is rolled back and fails the call, even if caught; what was written outside commits", async () => {
      const one = fresh();
      const { error } = await run(
        one,
        ["put", "outside", 1],
        ["transaction", [["put", "inside", 1], ["throw"]]],
        ["put", "after", 1],
      );
      expect(error).toBe("ActorOutputGateError: a transaction threw: thrown by the script");
      expect(await keys(one)).toEqual(["after", "outside"]);
    });

    test("a transaction's throw that is not caught rolls the whole turn back", async () => {
      const one = fresh();
      expect((await call(one, "transactionThrows")).error).toBe(
        "ActorOutputGateError: a transaction threw: rolled back",
      );
      expect(await keys(one)).toEqual([]);
    });

    test("a transaction used after its end is refused", async () => {
      const { error } = await call(fresh(), "useTransactionLate");
      expect(error).toMatch(/^StorageScopeError: a transaction of Script .* was used after its end/);
    });

    test("blockConcurrencyWhile runs once per activation, before the first call; its writes commit with it", async () => {
      const one = fresh();
      const loader = (method: string, ...args: unknown[]) => system().call("Loader", one, method, args);
      expect((await loader("throwNow")).error).toBe("ActorMethodError: after the init");
      expect(await loader("loads")).toEqual({ results: 1 });
      expect(await loader("loads")).toEqual({ results: 1 });
      await loader("setMode", "fail");
      if (!system().evict) return;
      system().evict?.("Loader", one);
      expect((await loader("loads")).error).toBe("ActorMethodError: the init failed on purpose");
      expect((await loader("loads")).error).toBe("ActorMethodError: the init failed on purpose");
    });

    compareSessions(system, { sessions, atOnce });
  });
}

/** Random sessions, compared turn by turn with a plain map. `SEED=<n>` runs the sessions of a report again. */
export function compareSessions(
  system: () => StorageSystem,
  { sessions, atOnce, seed: given }: StorageSuiteOptions,
): void {
  const run = async (instance: string, ...steps: Step[]) => system().call("Script", instance, "run", [steps]);

  test(`${sessions} random sessions give what a plain map gives`, async () => {
    const seed = given ?? Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    const all = fc.sample(session, { seed, numRuns: sessions });
    let next = 0;
    const lane = async () => {
      for (let index = next++; index < all.length; index = next++) {
        const instance = `${randomUUID()}-${index}`;
        const model = new StorageModel();
        for (const [turn, { steps, evict }] of (all[index] ?? []).entries()) {
          const expected = model.run(steps);
          const actual = await run(instance, ...steps);
          expect(actual, `SEED=${seed} session ${index} turn ${turn}: ${JSON.stringify(steps)}`).toEqual(
            expected,
          );
          if (evict) system().evict?.("Script", instance);
        }
        const end = await run(instance, ["list", { limit: 1000 }]);
        expect(end, `SEED=${seed} session ${index} at its end`).toEqual(
          model.run([["list", { limit: 1000 }]]),
        );
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
  }, 1_800_000);
}
