import { describe, expect, test } from "vitest";
import type { CallPath, CallSettings, Target } from "./call-paths.ts";

/** What a path can carry. */
export interface CallAbilities {
  /** Whether callers have stubs: the codec's values, the effect of an error, delays, `fetch`. Otherwise JSON and statuses. */
  readonly stubs: boolean;
  /** Whether errors carry the remote stack. */
  readonly stacks: boolean;
  /** Whether actors can call actors: not where batches run one by one. */
  readonly chains: boolean;
  /** Whether a type that nobody knows can be asked for. */
  readonly unknownTypes: boolean;
}

/** Longest time for something that must happen, in ms. */
const SOON = { timeout: 60_000, interval: 100 };

type Failure = Error & { effect?: string; status?: number };

/** A call means the same wherever it comes from: `test/projects/probe`, through one path. Names are fresh with every run. */
export function describeCalls(name: string, path: () => CallPath, can: CallAbilities): void {
  const run = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;
  const desk = (instance: string): Target => ({ type: "Desk", name: `${instance}-${run}` });
  const call = (to: Target, method: string, args: unknown[] = [], settings?: CallSettings) =>
    path().call(to, method, args, settings);
  const notes = (to: Target) => call(to, "notes");
  const failureOf = (called: Promise<unknown>): Promise<Failure> =>
    called.then(
      (result) => {
        throw new Error(`no error, but ${JSON.stringify(result)}`);
      },
      (error: Failure) => error,
    );
  const refusal = (error: string, status: number, message = "") =>
    expect.objectContaining({
      name: error,
      message: expect.stringContaining(message),
      ...(can.stubs ? { effect: "refused" } : { status }),
    });

  describe(`calls: ${name}`, () => {
    test("arguments arrive, and results come back", async () => {
      const values = [1, "ä😀", null, true, { deep: [{ a: [] }] }, ""];
      expect(await call(desk("echo"), "echo", values)).toEqual(values);
      expect(await call(desk("echo"), "echo")).toEqual([]);
      expect(await call(desk("a/b %25 ü"), "name")).toBe(desk("a/b %25 ü").name);
    });

    if (can.stubs) {
      test("values of the codec travel both ways as they are", async () => {
        const values = [
          new Date(5),
          new Map([[1, new Set(["a"])]]),
          2n ** 70n,
          new Uint8Array([0, 255, 10]),
          undefined,
          /x/g,
          -0,
        ];
        expect(await call(desk("codec"), "echo", values)).toEqual(values);
      });

      test("what the codec does not know is refused before it is sent", async () => {
        const error = await failureOf(call(desk("codec"), "note", [() => 1]));
        expect(error.name).toBe("CodecError");
        expect(await notes(desk("codec"))).toEqual([]);
      });
    }

    test("a method that threw: its message, rolled back, and the remote side's stack only where it is exposed", async () => {
      const error = await failureOf(call(desk("fails"), "fail", ["on purpose"]));
      expect(error).toMatchObject({
        name: "ActorMethodError",
        message: expect.stringMatching(/^on purpose [0-9a-f-]{36}$/),
        ...(can.stubs ? { effect: "failed" } : { status: 500 }),
      });
      if (can.stacks) {
        expect(error.cause).toMatchObject({
          name: "RangeError",
          message: error.message,
          stack: expect.stringContaining("fail"),
        });
      } else {
        expect(error.cause).toBeUndefined();
      }
      expect(await notes(desk("fails"))).toEqual([]);
    });

    test("what can't be called is refused, by name", async () => {
      const to = desk("refuses");
      expect(await failureOf(call(to, "nothing"))).toEqual(
        refusal("ActorUnknownMethodError", 404, "nothing"),
      );
      for (const method of ["_own", "constructor", "alarm", "toString"]) {
        // A stub has these itself, as every object does.
        if (can.stubs && method in Object.prototype) continue;
        expect(await failureOf(call(to, method))).toEqual(refusal("ActorPrivateMethodError", 403, method));
      }
      expect(await failureOf(call({ type: "Desk", name: "n".repeat(1025) }, "name"))).toEqual(
        refusal("ActorNameError", 400),
      );
      if (can.unknownTypes) {
        const nobody = { type: "Nobody", name: "a" };
        expect(await failureOf(call(nobody, "get"))).toEqual(refusal("ActorUnknownTypeError", 404, "Nobody"));
      }
    });

    test("options that break their rule are refused", async () => {
      for (const settings of [{ idempotencyKey: "k".repeat(256) }, { envelopeId: "a b" }]) {
        expect(await failureOf(call(desk("options"), "note", ["x"], settings))).toEqual(
          refusal("ActorCallOptionError", 400),
        );
      }
      expect(await notes(desk("options"))).toEqual([]);
    });

    test("the same key gives the first outcome, and counts per instance", async () => {
      const key = { idempotencyKey: `first-${run}` };
      expect(await call(desk("key"), "note", ["once"], key)).toBe(1);
      expect(await call(desk("key"), "note", ["between"])).toBe(2);
      expect(await call(desk("key"), "note", ["once"], key)).toBe(1);
      expect(await call(desk("other key"), "note", ["once"], key)).toBe(1);
      expect(await notes(desk("key"))).toEqual(["once", "between"]);
      expect(await notes(desk("other key"))).toEqual(["once"]);
    });

    test("the first outcome of a key is the failure, if the first call failed", async () => {
      const key = { idempotencyKey: "fails" };
      const first = await failureOf(call(desk("failed key"), "fail", ["first"], key));
      const second = await failureOf(call(desk("failed key"), "fail", ["first"], key));
      expect([second.name, second.message]).toEqual(["ActorMethodError", first.message]);
    });

    test("a key with other arguments or another method is refused, and nothing runs", async () => {
      const to = desk("key of another");
      const key = { idempotencyKey: "taken" };
      await call(to, "note", ["mine"], key);
      expect(await failureOf(call(to, "note", ["yours"], key))).toEqual(
        refusal("ActorIdempotencyError", 422, "idempotency key"),
      );
      expect(await failureOf(call(to, "fail", ["mine"], key))).toEqual(refusal("ActorIdempotencyError", 422));
      expect(await notes(to)).toEqual(["mine"]);
    });

    test("20 calls of one key in flight run once, and all get its outcome", async () => {
      const to = desk("at once");
      const key = { idempotencyKey: "twenty" };
      const results = await Promise.all(
        Array.from({ length: 20 }, () => call(to, "noteSlowly", ["one", 300], key)),
      );
      expect(results).toEqual(Array(20).fill(1));
      expect(await notes(to)).toEqual(["one"]);
    });

    test("asking again by envelope id gives the first outcome, also while the call runs; another call is refused", async () => {
      const to = desk("envelope");
      // Like an id that a timed-out call has told.
      const again = { envelopeId: `=${crypto.randomUUID().slice(0, 22)}` };
      const results = await Promise.all([
        call(to, "noteSlowly", ["asked", 300], again),
        call(to, "noteSlowly", ["asked", 300], again),
      ]);
      expect([...results, await call(to, "noteSlowly", ["asked", 300], again)]).toEqual([1, 1, 1]);
      expect(await failureOf(call(to, "note", ["asked"], again))).toEqual(
        refusal("ActorIdempotencyError", 422),
      );
      expect(await notes(to)).toEqual(["asked"]);
    });

    test("one-way messages arrive, in order, once; one with a key that was sent twice runs once", async () => {
      const to = desk("sent");
      await path().send(to, "note", ["one"]);
      await path().send(to, "note", ["two"]);
      const key = { idempotencyKey: "sent" };
      await path().send(to, "note", ["three"], key);
      await path().send(to, "note", ["three"], key);
      await path().send(to, "note", ["end"]);
      await expect.poll(() => notes(to), SOON).toContain("end");
      expect(await notes(to)).toEqual(["one", "two", "three", "end"]);
    });

    test("a one-way message to what can't be called is refused", async () => {
      expect(await failureOf(path().send(desk("bad"), "_own", []))).toEqual(
        refusal("ActorPrivateMethodError", 403),
      );
    });

    test("a turn's messages leave once it has committed, in order; those of one that throws never do", async () => {
      const [from, to] = [desk("teller"), desk("told")];
      const failure = await failureOf(call(from, "tell", [to.name, ["a", "b", "c"], { fail: true }]));
      expect(failure.message).toBe("failed after the sending");
      expect(await call(from, "tell", [to.name, [1, 2, 3]])).toBe(1);
      // In the mailbox after whatever the failed turn could have sent.
      expect(await call(from, "tell", [to.name, ["end"]])).toBe(2);
      await expect.poll(() => notes(to), SOON).toContain("end");
      expect(await notes(to)).toEqual([1, 2, 3, "end"]);
    });

    if (can.stubs) {
      test("a delayed message does not arrive before its time", async () => {
        const to = desk("delayed");
        const sent = Date.now();
        await path().send(to, "noteTime", [], { delayMs: 2000 });
        await expect.poll(async () => ((await notes(to)) as unknown[]).length, SOON).toBe(1);
        const [arrived] = (await notes(to)) as number[];
        // SQS counts whole seconds from its own clock's reading of the message.
        expect(arrived).toBeGreaterThanOrEqual(sent + 1900);
      });

      test("a call, which is waited for, takes no delay", async () => {
        const error = await failureOf(call(desk("delayed call"), "note", ["x"], { delayMs: 1000 }));
        expect(error).toEqual(refusal("ActorCallOptionError", 400, "one-way"));
      });

      const request = (to: Target, url: string, init?: RequestInit) => {
        const { fetch } = path();
        if (!fetch) throw new Error("this path has no fetch");
        return fetch(to, url, init);
      };

      test("fetch carries method, URL, headers and bytes, both ways", async () => {
        const response = await request(desk("fetch"), "https://desk/mirror?q=%C3%A4&r=1", {
          method: "PATCH",
          headers: { "x-asked": "this" },
          body: new Uint8Array([0, 200, 255, 10]),
        });
        expect(response.status).toBe(207);
        expect(response.headers.get("content-type")).toBe("application/x-mirror");
        expect(JSON.parse(response.headers.get("x-seen") ?? "")).toEqual([
          "PATCH",
          "https://desk/mirror?q=%C3%A4&r=1",
          "this",
        ]);
        expect(response.headers.getSetCookie()).toEqual(["one=1", "two=2; Path=/"]);
        expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array([10, 255, 200, 0]));
      });

      test("fetch: no body, no handler, one that throws, one that writes", async () => {
        const empty = await request(desk("fetch"), "https://desk/empty");
        expect([empty.status, empty.body]).toEqual([204, null]);
        expect((await request(desk("fetch"), "https://desk/none")).status).toBe(404);
        expect((await request({ type: "Probe", name: `fetch-${run}` }, "https://probe/")).status).toBe(404);
        expect(await failureOf(request(desk("fetch"), "https://desk/throw"))).toMatchObject({
          name: "ActorMethodError",
          message: "the handler threw",
          effect: "failed",
        });
        expect(await (await request(desk("fetch"), "https://desk/note")).json()).toBe(1);
        expect(await notes(desk("fetch"))).toEqual(["by fetch"]);
      });
    }

    if (can.chains) {
      const relay = (instance: string): Target => ({ type: "Relay", name: `${instance}-${run}` });
      // Without the check these would wait until their time is over, and tell of that.
      test("A→A and A→B→A answer an error that names the chain, through fetch too", async () => {
        const [a, b] = [relay("a"), relay("b")];
        expect(await call(a, "around", [[a.name]])).toContain("ActorCallCycleError");
        expect(await call(a, "around", [[b.name, a.name]])).toContain(
          `Relay/${a.name} → Relay/${b.name} → Relay/${a.name}`,
        );
        const [c, d] = [desk("c"), desk("d")];
        const error = await failureOf(call(c, "visit", [[d.name, c.name]]));
        expect(error.message).toContain(`Desk/${c.name} → Desk/${d.name} → Desk/${c.name}`);
        expect(await call(c, "visit", [[d.name]])).toBe(d.name);
      });

      test("a refusal that a method met is that method's failure", async () => {
        const error = await failureOf(call(desk("met"), "refuse", [desk("own").name]));
        expect(error).toMatchObject({
          name: "ActorMethodError",
          message: expect.stringContaining("_own"),
          ...(can.stubs ? { effect: "failed" } : { status: 500 }),
        });
      });

      test("50 chains A→B→C at once complete, each of its own instances and all of one C", async () => {
        const ends = await Promise.all(
          Array.from({ length: 50 }, (_, n) => {
            const [b, c] = [relay(`b${n}`).name, relay(n % 2 ? `c${n}` : "c").name];
            return call(relay(`a${n}`), "around", [[b, c]]);
          }),
        );
        expect(ends).toEqual(Array.from({ length: 50 }, (_, n) => relay(n % 2 ? `c${n}` : "c").name));
      });
    }
  });
}
