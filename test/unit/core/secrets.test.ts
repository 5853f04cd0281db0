import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../../runtime/adapters/virtual/virtual-clock.ts";
import { encode } from "../../../runtime/core/codec.ts";
import { rememberSecrets } from "../../../runtime/core/remembered-secrets.ts";
import { createSecrets, SecretError } from "../../../runtime/core/secrets.ts";

const DECLARED = [
  { binding: "STRIPE", name: "prod/stripe", readers: ["actors", "fetch"] },
  { binding: "SESSION", name: "prod/session", readers: ["fetch"] },
] as const;
const VALUE = "sk_live_1";

describe("env.SECRETS", () => {
  const secretsFor = (who: "actors" | "fetch") =>
    createSecrets({
      declared: DECLARED,
      reader: () => who,
      source: { read: async (binding) => `${VALUE} ${binding}` },
    });

  test("gives a value by its binding", async () => {
    expect(await secretsFor("actors").get("STRIPE")).toBe(`${VALUE} STRIPE`);
    expect(await secretsFor("fetch").get("SESSION")).toBe(`${VALUE} SESSION`);
  });

  test("refuses a secret that is for others, and says who may be added", async () => {
    const refused = secretsFor("actors").get("SESSION");
    await expect(refused).rejects.toBeInstanceOf(SecretError);
    await expect(refused).rejects.toThrow(
      'the secret SESSION is not for actors: its readers are fetch; add "actors" to them',
    );
  });

  test.each(["NOPE", "prod/stripe", "__proto__", "constructor"])("knows no %s", async (binding) => {
    await expect(secretsFor("fetch").get(binding)).rejects.toThrow(
      `there is no secret ${JSON.stringify(binding)}: the manifest declares none with this binding; add a [[secrets]], or ask for one that is there`,
    );
  });

  test("shows nothing when it is logged, can't be stored, and can't be bent", async () => {
    const secrets = secretsFor("fetch");
    await secrets.get("STRIPE");
    expect(inspect(secrets, { depth: 9, showHidden: true }) + JSON.stringify(secrets)).not.toContain(VALUE);
    expect(() => encode(secrets, "it")).toThrow(/function/);
    expect(() => Object.assign(secrets, { get: () => "mine" })).toThrow(TypeError);
  });
});

describe("what is remembered of a source", () => {
  const START = 1_000_000;

  function remembered() {
    const clock = new VirtualClock(START);
    const problems: unknown[] = [];
    const state = { reads: 0, failure: undefined as Error | undefined, value: "old" };
    const source = rememberSecrets(
      {
        async read() {
          state.reads++;
          if (state.failure) throw state.failure;
          return state.value;
        },
      },
      {
        clock,
        telemetry: { problem: (what, detail) => problems.push([what, detail]), count: () => {} },
      },
    );
    return { clock, problems, state, read: () => source.read("STRIPE") };
  }

  test("is asked for once in five minutes, by however many at once", async () => {
    const { clock, state, read } = remembered();
    expect(await Promise.all([read(), read(), read()])).toEqual(["old", "old", "old"]);
    state.value = "new";
    clock.moveTo(START + 299_999);
    expect([await read(), state.reads]).toEqual(["old", 1]);
    clock.moveTo(START + 300_000);
    expect([await read(), await read(), state.reads]).toEqual(["new", "new", 2]);
  });

  test("stands when the source fails, is tried again a minute later, and the log says so without the value", async () => {
    const { clock, problems, state, read } = remembered();
    await read();
    state.failure = new Error("out of reach");
    clock.moveTo(START + 300_000);
    expect([await read(), await read(), state.reads]).toEqual(["old", "old", 2]);
    expect(problems).toEqual([["secret not refreshed", { binding: "STRIPE", reason: "out of reach" }]]);
    state.failure = undefined;
    state.value = "new";
    clock.moveTo(START + 360_000);
    expect([await read(), state.reads]).toEqual(["new", 3]);
  });

  test("stands for an hour at most, counted from when it was read, however often the source was tried", async () => {
    const { clock, problems, state, read } = remembered();
    await read();
    state.failure = new SecretError("not now", { passing: true, cause: new Error("throttled") });
    for (let minute = 5; minute < 60; minute++) {
      clock.moveTo(START + minute * 60_000 + 1);
      expect(await read()).toBe("old");
    }
    clock.moveTo(START + 3_599_999);
    expect(await read()).toBe("old");
    clock.moveTo(START + 3_600_000);
    await expect(read()).rejects.toThrow("not now");
    expect(problems.at(-1)).toEqual(["secret not read", { binding: "STRIPE", reason: "throttled" }]);
    state.failure = undefined;
    state.value = "new";
    expect(await read()).toBe("new");
  });

  test("is gone when the source says that it was taken away, also when the source is out of reach afterwards", async () => {
    const { clock, problems, state, read } = remembered();
    await read();
    state.failure = new SecretError("taken away", { cause: new Error("it was deleted") });
    clock.moveTo(START + 300_000);
    await expect(Promise.all([read(), read()])).rejects.toThrow("taken away");
    expect(problems).toEqual([["secret not read", { binding: "STRIPE", reason: "it was deleted" }]]);
    state.failure = new SecretError("not now", { passing: true });
    await expect(read()).rejects.toThrow("not now");
  });

  test("is nothing when the first read fails: the next one asks again", async () => {
    const { state, read } = remembered();
    state.failure = new SecretError("no right");
    await expect(read()).rejects.toThrow("no right");
    state.failure = undefined;
    expect([await read(), state.reads]).toEqual(["old", 2]);
  });
});
