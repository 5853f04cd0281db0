import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLocalMailbox } from "../../../runtime/adapters/local/local-mailbox.ts";
import type { MailboxBounds } from "../../../runtime/adapters/local/mailbox-room.ts";
import { createMemoryMessages } from "../../../runtime/adapters/local/memory-messages.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import type { Delivery, Envelope } from "../../../runtime/ports/mailbox.ts";
import { StepClock } from "../core/fixtures.ts";
import { awaitedCall, oneWay } from "./envelopes.ts";

const BOUNDS: MailboxBounds = {
  instance: { envelopes: 3, bytes: 1000 },
  all: { envelopes: 8, bytes: 2000 },
};
const WIDE = { instance: { envelopes: 1000, bytes: 1e6 }, all: { envelopes: 1000, bytes: 1e6 } };
const WAIT_MS = 28_000;

/** A mailbox whose batches end when told, and then by `fate`: how many deliveries are finished. */
function start(bounds: MailboxBounds = BOUNDS) {
  const clock = new StepClock();
  const messages = createMemoryMessages();
  const ran: string[] = [];
  const open: (() => void)[] = [];
  let fate = Number.POSITIVE_INFINITY;
  const mailbox = createLocalMailbox({
    queue: "q",
    async consume(_, deliveries): Promise<Delivery[]> {
      await new Promise<void>((resolve) => open.push(resolve));
      ran.push(...deliveries.slice(0, fate).map(({ envelope }) => envelope.id));
      return deliveries.slice(fate);
    },
    messages,
    bounds,
    clock,
    telemetry: { problem: () => {}, count: () => {} },
  });
  let count = 0;
  const call = (name: string, args = "[[]]"): Envelope => {
    const envelope = awaitedCall(name, `e${++count}`, clock.now() + WAIT_MS);
    return { ...envelope, call: { ...envelope.call, args } };
  };
  /** Takes in what is admitted; tells whether it was. */
  const offer = (envelope: Envelope, { inTurn = false } = {}): boolean => {
    if (refusal(envelope, { inTurn }) !== undefined) return false;
    void mailbox.send(envelope);
    return true;
  };
  const refusal = (envelope: Envelope, { inTurn = false } = {}): unknown => {
    try {
      return mailbox.admit(envelope, { inTurn });
    } catch (error) {
      return error;
    }
  };
  const finishOne = async () => {
    await clock.idle();
    for (const each of open.splice(0)) each();
    await clock.idle();
  };
  const finish = async () => {
    for (let round = 0; round < 4; round++) await finishOne();
  };
  const setFate = (done: number) => {
    fate = done;
  };
  return { clock, mailbox, messages, ran, call, offer, refusal, finish, finishOne, setFate };
}

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

describe("I18: the room in the mailboxes", () => {
  test("an instance takes so many calls, refuses the next by name, and takes calls again when it has worked", async () => {
    const { call, offer, refusal, finish, ran } = start();
    expect(times(3, () => offer(call("a")))).toEqual([true, true, true]);
    expect(refusal(call("a"))).toMatchObject({
      name: "ActorOverloadedError",
      effect: "refused",
      message:
        "T.m was not sent: 3 calls and messages with 12 bytes of arguments wait at this instance already; ask again a little later",
    });
    expect(offer(call("b"))).toBe(true);
    await finish();
    expect(ran).toHaveLength(4);
    expect(times(4, () => offer(call("a")))).toEqual([true, true, true, false]);
  });

  test("what runs counts as long as it runs", async () => {
    const { clock, call, offer, finish } = start();
    times(3, () => offer(call("a")));
    await clock.idle();
    await clock.idle();
    expect(offer(call("a"))).toBe(false);
    await finish();
    expect(offer(call("a"))).toBe(true);
  });

  test("bytes count, of an instance and of all", () => {
    const { call, offer, refusal } = start();
    expect(offer(call("a", "x".repeat(1001)))).toBe(true);
    expect(offer(call("a"))).toBe(false);
    expect(offer(call("b", "é".repeat(499)))).toBe(true);
    expect(refusal(call("c", "xy"))).toMatchObject({ message: expect.stringContaining("at this server") });
    expect(offer(call("c", "x"))).toBe(true);
  });

  test("all instances together take so many", () => {
    const { call, offer, refusal } = start();
    expect(times(9, () => offer(call(`i${Math.random()}`)))).toEqual([...times(8, () => true), false]);
    expect(refusal(call("z"))).toMatchObject({ message: expect.stringContaining("wait at this server") });
  });

  test("a turn's calls still find room where none is left for outside, up to twice as much", () => {
    const { call, offer } = start();
    times(3, () => offer(call("a")));
    expect(times(4, () => offer(call("a"), { inTurn: true }))).toEqual([true, true, true, false]);
    times(2, () => offer(call("b")));
    expect(offer(call("c"))).toBe(false);
    expect(times(9, () => offer(call(`i${Math.random()}`), { inTurn: true }))).toEqual([
      ...times(8, () => true),
      false,
    ]);
  });

  test("what a commit owes, and an instance's wake, is taken whatever waits", async () => {
    const { call, offer, mailbox, finish, ran, clock } = start();
    times(3, () => offer(call("a")));
    expect(offer(oneWay("a", "outside"))).toBe(false);
    await Promise.all([mailbox.send(oneWay("a", "m1")), mailbox.send(oneWay("a", "m2"))]);
    void mailbox.wake(wakeEnvelope({ type: "T", name: "a" }, { at: clock.now(), version: 1 }));
    await finish();
    expect(ran).toHaveLength(6);
    expect(offer(call("a"))).toBe(true);
  });

  test("a message that is refused is not in the file; one that is held is not refused when it is sent again", async () => {
    const { offer, messages, refusal } = start();
    for (const id of ["m1", "m2", "m3"]) offer(oneWay("a", id));
    expect(refusal(oneWay("a", "m4"))).toMatchObject({ name: "ActorOverloadedError" });
    expect(messages.all()).toHaveLength(3);
    const [held] = messages.all();
    expect(refusal(held as Envelope)).toBeUndefined();
  });

  test("messages that are not due yet leave their instance its room", async () => {
    const { clock, call, offer, finish } = start();
    for (const id of ["m1", "m2", "m3"]) expect(offer(oneWay("a", id, clock.now() + 1000))).toBe(true);
    expect(offer(call("a"))).toBe(true);
    await finish();
    await clock.advance(1000);
    expect(offer(call("a"))).toBe(false);
    await finish();
    expect(offer(call("a"))).toBe(true);
  });

  test("whatever comes, goes, fails, is withdrawn or dropped: in the end there is as much room as before", async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("call" as const), to: fc.constantFrom("a", "b", "c"), size: fc.nat(400) }),
      fc.record({ do: fc.constant("message" as const), to: fc.constantFrom("a", "b"), due: fc.nat(60_000) }),
      fc.record({ do: fc.constant("withdraw" as const), which: fc.nat(20) }),
      fc.record({ do: fc.constant("finish" as const), done: fc.nat(4) }),
      fc.record({ do: fc.constant("wait" as const), ms: fc.nat(40_000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (steps) => {
        const { clock, mailbox, call, offer, finish, setFate } = start();
        const calls: Envelope[] = [];
        let sent = 0;
        for (const each of steps) {
          if (each.do === "call") {
            const envelope = call(each.to, "x".repeat(each.size));
            if (offer(envelope)) calls.push(envelope);
          } else if (each.do === "message") {
            offer(oneWay(each.to, `m${++sent}`, clock.now() + each.due));
          } else if (each.do === "withdraw") {
            const envelope = calls[each.which];
            if (envelope) mailbox.withdraw(envelope);
          } else if (each.do === "finish") {
            setFate(each.done);
            await finish();
          } else {
            await clock.advance(each.ms);
          }
        }
        setFate(Number.POSITIVE_INFINITY);
        for (let round = 0; round < 20; round++) {
          await clock.advance(10_000);
          await finish();
        }
        const names = ["a", "a", "a", "b", "b", "b", "c", "c"];
        expect(names.map((name) => offer(call(name, "x".repeat(250))))).toEqual(names.map(() => true));
        expect(offer(call("d"))).toBe(false);
        await finish();
      }),
      { numRuns: 300, seed: 20 },
    );
  });
});

describe("a call that can't get its turn in time", () => {
  /** One call takes `ms`, then others wait behind the next. */
  async function slow(ms: number, waiting: number) {
    const system = start(WIDE);
    system.offer(system.call("a"));
    system.offer(system.call("a"));
    system.setFate(1);
    await system.clock.idle();
    await system.clock.idle();
    await system.clock.advance(ms);
    await system.finish();
    system.setFate(Number.POSITIVE_INFINITY);
    for (let n = 1; n < waiting; n++) void system.mailbox.send(system.call("a"));
    return system;
  }

  test("is refused at once, by what the last turns took", async () => {
    const { refusal, call } = await slow(20_000, 6);
    expect(refusal(call("a"))).toMatchObject({
      name: "ActorOverloadedError",
      effect: "refused",
      message:
        "T.m was not sent: 6 calls wait at this instance already, about 60000 ms of work, and its caller waits 28000 ms at most; ask again a little later",
    });
    expect(refusal(call("b"))).toBeUndefined();
  });

  test("is let in where it may well be in time, and where nothing is known", async () => {
    const { refusal, call } = await slow(20_000, 5);
    expect(refusal(call("a"))).toBeUndefined();
    const unknown = start(WIDE);
    for (let n = 0; n < 100; n++) unknown.offer(unknown.call("a"));
    await unknown.clock.advance(WAIT_MS - 1);
    expect(unknown.refusal(unknown.call("a"))).toBeUndefined();
  });

  test("calls that were refused for their deadline make nothing look fast", async () => {
    const { clock, call, offer, finishOne } = start(WIDE);
    for (let n = 0; n < 64; n++) offer(call("a"));
    await clock.idle();
    await clock.idle();
    await clock.advance(WAIT_MS - 1000);
    offer(call("a"));
    offer(call("a"));
    // The batch ends, and the next one begins.
    await finishOne();
    expect([offer(call("a")), offer(call("a"))]).toEqual([true, false]);
  });
});

describe("a caller that is gone", () => {
  test("frees its place: its call is not run", async () => {
    const { mailbox, call, offer, finish, ran } = start();
    const [first, gone, last] = [call("a"), call("a"), call("a")];
    for (const each of [first, gone, last]) offer(each);
    mailbox.withdraw(gone);
    mailbox.withdraw(gone);
    expect(offer(call("a"))).toBe(true);
    expect(offer(call("a"))).toBe(false);
    await finish();
    expect(ran).toEqual([first.id, last.id, "e4"]);
  });

  test("whose call runs already changes nothing", async () => {
    const { clock, mailbox, call, offer, finish, ran } = start();
    const running = call("a");
    offer(running);
    await clock.idle();
    await clock.idle();
    mailbox.withdraw(running);
    await finish();
    expect(ran).toEqual([running.id]);
    await mailbox.drained();
  });

  test("I4: whose call has run, and is to come again, changes nothing: it may be committed", async () => {
    const { clock, mailbox, call, offer, finishOne, setFate, ran } = start();
    const again = call("a");
    offer(again);
    setFate(0);
    await clock.idle();
    await finishOne();
    mailbox.withdraw(again);
    setFate(1);
    await clock.advance(5_000);
    await finishOne();
    await mailbox.drained();
    expect(ran).toEqual([again.id]);
  });

  test("and was the only one leaves an empty mailbox that works on", async () => {
    const { mailbox, call, offer, finish, ran } = start();
    const only = call("a");
    offer(only);
    mailbox.withdraw(only);
    await finish();
    await mailbox.drained();
    offer(call("a"));
    await finish();
    expect(ran).toEqual(["e2"]);
  });
});
