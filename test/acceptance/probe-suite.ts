import { describe, expect, test } from "vitest";
import type { SendRequest } from "../endpoints/api-client.ts";
import { insisting } from "./asking-again.ts";

/**
 * What the RPC door and the runtime promise wherever `test/projects/probe` runs.
 *
 * @param actorsCallActors false where batches run one by one: an actor that waits for another one would wait for ever
 * @param overBudget false leaves out the method that uses up its budget, which takes half a minute
 */
export function describeProbe(
  name: string,
  system: () => { request: SendRequest },
  { actorsCallActors = true, overBudget = true } = {},
): void {
  const run = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;
  const call = async (path: string, ...args: unknown[]) => {
    const { status, json } = await insisting(system().request)("POST", path, JSON.stringify(args));
    return [status, json()];
  };
  const probe = (instance: string, method: string, ...args: unknown[]) =>
    call(`/Probe/${encodeURIComponent(`${instance}-${run}`)}/${method}`, ...args);

  describe(`runtime: ${name}`, () => {
    test("I5: a method that throws after a put leaves nothing behind, and the caller gets its message", async () => {
      expect(await probe("throws", "putThenThrow", "k")).toEqual([
        500,
        { error: { name: "ActorMethodError", message: "thrown on purpose" } },
      ]);
      expect(await probe("throws", "get", "k")).toEqual([200, null]);
    });

    test("values of every kind and size survive", async () => {
      await probe("kinds", "storeKinds");
      expect(await probe("kinds", "readKinds")).toEqual([
        200,
        { date: 5, map: true, big: true, large: 100_000 },
      ]);
    });

    test("a result of half a megabyte arrives whole", async () => {
      const [status, text] = await probe("large", "large", 500_000);
      expect([status, (text as string).length]).toEqual([200, 500_000]);
    });

    test("the manifest's variables are in the environment", async () => {
      expect(await probe("env", "greeting")).toEqual([200, "hello from the manifest"]);
    });

    if (actorsCallActors) {
      test("I10: a call cycle answers at once, over any number of instances; a chain without one goes through", async () => {
        const around = (...names: string[]) =>
          call(
            `/Relay/a-${run}/around`,
            names.map((name) => `${name}-${run}`),
          );
        expect(await around("a")).toEqual([
          200,
          expect.stringContaining("ActorCallCycleError: the call would wait for itself"),
        ]);
        expect(await around("b", "a")).toEqual([
          200,
          expect.stringContaining(`Relay/a-${run} → Relay/b-${run} → Relay/a-${run}`),
        ]);
        expect(await around("b", "c", "d")).toEqual([200, `d-${run}`]);
      });

      test("newUniqueId gives a fresh instance each time, reached again by its id", async () => {
        expect(await call(`/Relay/r-${run}/freshNames`)).toEqual([
          200,
          { different: true, length: 22, name: expect.any(String), again: 2, other: 1 },
        ]);
      });

      test("actors call actors, in order, and see their errors", async () => {
        expect(await call(`/Relay/r-${run}/increment`, `called-${run}`, 3)).toEqual([200, 3]);
        expect(await call(`/Relay/r-${run}/catchError`, `called-${run}`)).toEqual([
          200,
          "ActorMethodError: thrown on purpose",
        ]);
        expect(await call(`/Relay/r-${run}/throughAmbientEnv`, `called-${run}`)).toEqual([
          200,
          `called-${run}`,
        ]);
        expect(await probe("called", "increment")).toEqual([200, 4]);
      });
    }

    test("a stray rejection is answered and harms nobody", async () => {
      expect(await probe("stray", "strayRejection")).toEqual([200, "answered"]);
      expect(await probe("stray", "increment")).toEqual([200, 1]);
    });

    test("names are free text: two that differ in one code point are two instances", async () => {
      const names = [
        "a b",
        "a  b",
        "ä",
        "a\u0308",
        "😀",
        "😁",
        "a/b",
        "a%b",
        "a%25b",
        "A",
        "__proto__",
        "constructor",
        "a#b",
        'a"b',
      ];
      for (const each of names) expect(await probe(each, "name")).toEqual([200, `${each}-${run}`]);
      for (const each of names) expect([each, await probe(each, "increment")]).toEqual([each, [200, 1]]);
      for (const each of names) expect([each, await probe(each, "increment")]).toEqual([each, [200, 2]]);
    });

    test.each<[string, string, number, string]>([
      ["unknown type", "/Nobody/a/get", 404, "ActorUnknownTypeError"],
      ["unknown method", "/Probe/a/nothing", 404, "ActorUnknownMethodError"],
      ["_private", "/Probe/a/_private", 403, "ActorPrivateMethodError"],
      ["constructor", "/Probe/a/constructor", 403, "ActorPrivateMethodError"],
      ["__proto__", "/Probe/a/__proto__", 403, "ActorPrivateMethodError"],
      ["toString", "/Probe/a/toString", 403, "ActorPrivateMethodError"],
      ["type __proto__", "/__proto__/a/get", 404, "ActorUnknownTypeError"],
      ["empty name", "/Probe//get", 400, "ActorNameError"],
      ["2 KB name", `/Probe/${"n".repeat(2048)}/get`, 400, "ActorNameError"],
      ["too short a path", "/Probe", 404, "NotFoundError"],
    ])("I9: %s is a clear 4xx", async (_, path, status, error) => {
      expect(await call(path)).toEqual([status, { error: { name: error, message: expect.any(String) } }]);
    });

    test.each<[string, string, number]>([
      ["malformed JSON", "[1", 400],
      ["no array", '{"a":1}', 400],
      ["2 MB", `["${"x".repeat(2_000_000)}"]`, 413],
    ])("I9: a body of %s is a clear 4xx", async (_, body, status) => {
      const answer = await system().request("POST", `/Probe/body-${run}/put`, body);
      expect([answer.status, answer.json()]).toEqual([
        status,
        { error: { name: expect.any(String), message: expect.any(String) } },
      ]);
      expect(await probe("body", "increment")).toEqual([200, expect.any(Number)]);
    });

    if (overBudget) {
      test("I8: a method over its budget gives ActorMethodTimeoutError and commits nothing", async () => {
        const [status, body] = await probe("hang", "putThenHang", "k", 60_000);
        expect([status, body]).toEqual([
          504,
          {
            error: {
              name: "ActorMethodTimeoutError",
              message: expect.stringContaining("ran longer than its budget"),
            },
          },
        ]);
        expect(await probe("hang", "get", "k")).toEqual([200, null]);
      });
    }
  });
}
