import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import { createLocalMailbox } from "../../../runtime/adapters/local/local-mailbox.ts";
import { createMemoryMessages } from "../../../runtime/adapters/local/memory-messages.ts";
import type { ActorId, Delivery } from "../../../runtime/ports/mailbox.ts";
import { StepClock } from "../core/fixtures.ts";
import { awaitedCall, oneWay } from "./envelopes.ts";

type Consume = (id: ActorId, deliveries: readonly Delivery[]) => Promise<Delivery[]>;

function start(consume: Consume, { clock = new StepClock(), messages = createMemoryMessages() } = {}) {
  const problems: string[] = [];
  const mailbox = createLocalMailbox({
    queue: "q",
    consume,
    messages,
    clock,
    telemetry: { problem: (what) => void problems.push(what) },
  });
  const send = (name: string, id: string) => mailbox.send(awaitedCall(name, id, clock.now() + 28_000));
  const post = (name: string, id: string, due?: number) => mailbox.send(oneWay(name, id, due));
  return { clock, mailbox, messages, problems, send, post };
}

/** Notes what is delivered, and finishes it. */
function recorder(clock: StepClock) {
  const seen: { id: string; at: number; suspect: boolean; sequence: string | undefined }[] = [];
  const consume: Consume = async (_, deliveries) => {
    for (const { envelope, suspect, mark } of deliveries) {
      const id = envelope.attempt ?? envelope.id;
      seen.push({ id, at: clock.now(), suspect, sequence: mark?.sequence });
    }
    return [];
  };
  return { seen, consume, ids: () => seen.map(({ id }) => id) };
}

/** A promise and what fulfils it. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

describe("the mailbox of one process", () => {
  test("I2: one batch of an instance at a time, in order; instances side by side", async () => {
    const running = new Map<string, number>();
    const seen: string[] = [];
    const open: (() => void)[] = [];
    const { clock, mailbox, send } = start(async ({ name }, deliveries) => {
      expect(running.get(name) ?? 0).toBe(0);
      running.set(name, 1);
      seen.push(...deliveries.map(({ envelope }) => envelope.id));
      await new Promise<void>((resolve) => open.push(resolve));
      running.set(name, 0);
      return [];
    });
    await send("a", "a1");
    await send("b", "b1");
    await send("a", "a2");
    await clock.idle();
    await clock.idle();
    expect(seen).toEqual(["a1", "a2", "b1"]);
    await send("a", "a3");
    await clock.idle();
    expect(seen).toEqual(["a1", "a2", "b1"]);
    for (let round = 0; round < 5; round++) {
      for (const each of open.splice(0)) each();
      await clock.idle();
    }
    expect(seen).toEqual(["a1", "a2", "b1", "a3"]);
    await mailbox.drained();
  });

  test("sequence numbers grow; what comes again comes first, and is suspect", async () => {
    const seen: [string, string | undefined, boolean][] = [];
    let failing = true;
    const { clock, mailbox, send } = start(async (_, deliveries) => {
      seen.push(
        ...deliveries.map(
          ({ envelope, mark, suspect }) =>
            [envelope.id, mark?.sequence, suspect] as [string, string, boolean],
        ),
      );
      if (failing) return [...deliveries];
      return [];
    });
    await send("a", "e1");
    await clock.idle();
    await clock.idle();
    await send("a", "e2");
    failing = false;
    await clock.advance(100);
    await mailbox.drained();
    expect(seen).toEqual([
      ["e1", "1", false],
      ["e1", "1", true],
      ["e2", "2", false],
    ]);
  });

  test("I2: what comes again comes before what arrived meanwhile", async () => {
    const seen: string[][] = [];
    const open: (() => void)[] = [];
    const { clock, mailbox, send } = start(async (_, deliveries) => {
      seen.push(deliveries.map(({ envelope }) => envelope.id));
      if (seen.length > 1) return [];
      await new Promise<void>((resolve) => open.push(resolve));
      return [...deliveries];
    });
    await send("a", "e1");
    await send("a", "e2");
    await clock.idle();
    await clock.idle();
    await send("a", "e3");
    open.pop()?.();
    await clock.advance(100);
    await mailbox.drained();
    expect(seen).toEqual([
      ["e1", "e2"],
      ["e1", "e2", "e3"],
    ]);
  });

  test("what arrives after a mailbox was emptied runs too", async () => {
    const seen: (string | undefined)[] = [];
    const { mailbox, send } = start(async (_, [first]) => {
      seen.push(first?.envelope.id, first?.mark?.queue);
      return [];
    });
    await send("a", "e1");
    await mailbox.drained();
    await send("a", "e2");
    await mailbox.drained();
    expect(seen).toEqual(["e1", "q", "e2", "q"]);
  });

  test("a batch runs outside of the turn or request that sent its envelope", async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const { mailbox, send } = start(async () => {
      seen.push(context.getStore());
      return [];
    });
    await context.run("a request", () => send("a", "e1"));
    await mailbox.drained();
    expect(seen).toEqual([undefined]);
  });

  test("is drained when nothing waits or runs any more, and not before", async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { clock, mailbox, send } = start(async () => {
      await opened;
      return [];
    });
    await send("a", "a1");
    let over = false;
    const drained = mailbox.drained().then(() => {
      over = true;
    });
    for (let round = 0; round < 5; round++) await clock.idle();
    expect(over).toBe(false);
    open();
    await drained;
  });

  test("a delivery that fails until its caller has given up is dropped and reported", async () => {
    let tries = 0;
    const { clock, mailbox, problems, send } = start(async (_, deliveries) => {
      tries++;
      return [...deliveries];
    });
    await send("a", "e1");
    await clock.advance(60_000);
    await mailbox.drained();
    expect(problems).toEqual(["delivery dropped"]);
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(15);
  });
});

describe("one-way messages", () => {
  const heldIds = (messages: { all(): { attempt: string | undefined }[] }) =>
    messages.all().map(({ attempt }) => attempt);

  test("sending resolves, and delivery begins, only when the message is durable", async () => {
    const clock = new StepClock();
    const { seen, consume } = recorder(clock);
    const { opened, open } = gate();
    const stored = createMemoryMessages();
    const messages = {
      ...stored,
      add: (each: Parameters<typeof stored.add>[0]) => opened.then(() => stored.add(each)),
    };
    const { mailbox, post } = start(consume, { clock, messages });
    let sent = false;
    const sending = post("a", "m1").then(() => {
      sent = true;
    });
    let drained = false;
    const draining = mailbox.drained().then(() => {
      drained = true;
    });
    await clock.advance(1000);
    expect([sent, seen.length, drained]).toEqual([false, 0, false]);
    open();
    await sending;
    await draining;
    expect(seen.map(({ id, suspect }) => [id, suspect])).toEqual([["m1", false]]);
  });

  test("a message that can't be made durable is refused to its sender, and may be sent again", async () => {
    const clock = new StepClock();
    const { ids, consume } = recorder(clock);
    const stored = createMemoryMessages();
    let full = true;
    const messages = {
      ...stored,
      add: (each: Parameters<typeof stored.add>[0]) =>
        full ? Promise.reject(new Error("disk full")) : stored.add(each),
    };
    const { mailbox, post } = start(consume, { clock, messages });
    await expect(post("a", "m1")).rejects.toThrow("disk full");
    await mailbox.drained();
    full = false;
    await post("a", "m1");
    await mailbox.drained();
    expect(ids()).toEqual(["m1"]);
  });

  test("a message stays in the file until its delivery is finished, across retries", async () => {
    let failing = true;
    const tries: boolean[] = [];
    const { clock, mailbox, messages, post } = start(async (_, deliveries) => {
      tries.push(...deliveries.map(({ suspect }) => suspect));
      return failing ? [...deliveries] : [];
    });
    await post("a", "m1");
    await clock.advance(24 * 60 * 60 * 1000);
    expect(heldIds(messages)).toEqual(["m1"]);
    expect(tries.length).toBeGreaterThan(1000);
    failing = false;
    await clock.advance(5_000);
    await mailbox.drained();
    expect(heldIds(messages)).toEqual([]);
    expect(tries.slice(0, 2)).toEqual([false, true]);
  });

  test("of a batch that is half done only the finished messages are removed", async () => {
    const { clock, messages, post } = start(async (_, deliveries) => deliveries.slice(1));
    await Promise.all([post("a", "m1"), post("a", "m2"), post("a", "m3")]);
    await clock.idle();
    await clock.idle();
    expect(heldIds(messages)).toEqual(["m2", "m3"]);
  });

  test("what an earlier process left comes again as suspect, in order, before what is sent now", async () => {
    const clock = new StepClock();
    const messages = createMemoryMessages();
    for (const id of ["m1", "m2"]) await messages.add(oneWay("a", id));
    const { seen, consume } = recorder(clock);
    const { mailbox, post } = start(consume, { clock, messages });
    mailbox.start();
    await post("a", "m3");
    await mailbox.drained();
    expect(seen.map(({ id, suspect, sequence }) => [id, suspect, sequence])).toEqual([
      ["m1", true, "1"],
      ["m2", true, "2"],
      ["m3", false, "3"],
    ]);
    expect(messages.all()).toEqual([]);
  });

  test("a message sent again while it is held is delivered once; afterwards, again", async () => {
    const clock = new StepClock();
    const messages = createMemoryMessages();
    await messages.add(oneWay("a", "m1"));
    const { ids, consume } = recorder(clock);
    const { mailbox, post } = start(consume, { clock, messages });
    mailbox.start();
    await Promise.all([post("a", "m1"), post("a", "m2"), post("a", "m2")]);
    await mailbox.drained();
    expect(ids()).toEqual(["m1", "m2"]);
    await post("a", "m2");
    await mailbox.drained();
    expect(ids()).toEqual(["m1", "m2", "m2"]);
    expect(messages.all()).toEqual([]);
  });

  test("a message is delivered when it is due, not before; one that is overdue, at once", async () => {
    const clock = new StepClock();
    const messages = createMemoryMessages();
    const begin = clock.now();
    await messages.add(oneWay("a", "overdue", begin - 1));
    await messages.add(oneWay("a", "restored", begin + 3_000));
    const { seen, consume } = recorder(clock);
    const { mailbox, post } = start(consume, { clock, messages });
    mailbox.start();
    await post("a", "late", begin + 5_000);
    await post("b", "soon", begin + 2_000);
    await post("a", "now", begin);
    await clock.advance(10_000);
    expect(seen.map(({ id, at, suspect }) => [id, at - begin, suspect])).toEqual([
      ["overdue", 0, true],
      ["now", 0, false],
      ["soon", 2_000, false],
      ["restored", 3_000, true],
      ["late", 5_000, false],
    ]);
    expect([clock.pending, messages.all()]).toEqual([0, []]);
  });

  test("a message's place in the mailbox is where it is delivered, not where it was sent", async () => {
    const clock = new StepClock();
    const { seen, consume } = recorder(clock);
    const { post } = start(consume, { clock });
    await post("a", "later", clock.now() + 10);
    await post("a", "now");
    await clock.advance(10);
    expect(seen.map(({ id, sequence }) => [id, sequence])).toEqual([
      ["now", "1"],
      ["later", "2"],
    ]);
  });

  test("a message that comes due runs outside of the turn or request that sent it", async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const { clock, post } = start(async () => {
      seen.push(context.getStore());
      return [];
    });
    await context.run("a request", async () => {
      await post("a", "m1");
      await post("a", "m2", clock.now() + 10);
    });
    await clock.advance(10);
    expect(seen).toEqual([undefined, undefined]);
  });

  test("a removal that fails is tried again, but not once the message has been sent again", async () => {
    const clock = new StepClock();
    const stored = createMemoryMessages();
    let failures = 2;
    const messages = {
      ...stored,
      remove: (id: string) => (failures-- > 0 ? Promise.reject(new Error("disk full")) : stored.remove(id)),
    };
    let failing = false;
    const { mailbox, post, problems } = start(async (_, deliveries) => (failing ? [...deliveries] : []), {
      clock,
      messages,
    });
    await post("a", "m1");
    await mailbox.drained();
    await clock.idle();
    expect([problems, heldIds(messages)]).toEqual([["message not removed"], ["m1"]]);
    await clock.advance(10_000);
    expect([problems.length, heldIds(messages)]).toEqual([2, []]);

    failures = 1;
    await post("a", "m2");
    await mailbox.drained();
    failing = true;
    await post("a", "m2");
    await clock.advance(60_000);
    expect(heldIds(messages)).toEqual(["m2"]);
  });

  test("a batch that throws is reported and comes again", async () => {
    let tries = 0;
    const { clock, mailbox, messages, problems, post } = start(async () => {
      if (tries++ === 0) throw new Error("out of order");
      return [];
    });
    await post("a", "m1");
    await clock.advance(100);
    await mailbox.drained();
    expect([tries, problems, messages.all()]).toEqual([2, ["batch failed"], []]);
  });
});

describe("a mailbox that closes", () => {
  test("is drained though messages are not due yet, sets no timer for them, and leaves them in the file", async () => {
    const clock = new StepClock();
    const { ids, consume } = recorder(clock);
    const { mailbox, messages, post } = start(consume, { clock });
    await post("a", "later", clock.now() + 1000);
    await post("a", "now");
    await mailbox.drained();
    expect([ids(), clock.pending]).toEqual([["now"], 1]);
    mailbox.close();
    await post("a", "even later", clock.now() + 1000);
    expect(clock.pending).toBe(0);
    await clock.advance(60_000);
    await mailbox.drained();
    expect(ids()).toEqual(["now"]);
    expect(messages.all().map(({ attempt }) => attempt)).toEqual(["later", "even later"]);
  });

  test("tries a message that waits for its retry once more, and leaves it and all behind it in the file", async () => {
    const tries: string[][] = [];
    const { clock, mailbox, messages, problems, send, post } = start(async (_, deliveries) => {
      tries.push(deliveries.map(({ envelope }) => envelope.attempt ?? envelope.id));
      return [...deliveries];
    });
    await post("a", "m1");
    await clock.advance(60_000);
    const before = tries.length;
    await send("a", "call");
    await post("a", "m2");
    mailbox.close();
    await mailbox.drained();
    expect(tries.slice(before)).toEqual([["m1", "call", "m2"]]);
    expect(problems).toEqual([
      "message left for the next start",
      "delivery dropped",
      "message left for the next start",
    ]);
    expect(messages.all().map(({ attempt }) => attempt)).toEqual(["m1", "m2"]);
    expect(clock.pending).toBe(0);
  });

  test("lets nothing overtake a message that it has left", async () => {
    const tries: string[] = [];
    const { clock, mailbox, messages, send, post } = start(async (_, deliveries) => {
      tries.push(...deliveries.map(({ envelope }) => envelope.attempt ?? envelope.id));
      return deliveries.filter(({ envelope }) => envelope.attempt === "m1");
    });
    await post("a", "m1");
    await clock.idle();
    mailbox.close();
    await mailbox.drained();
    const before = tries.length;
    await post("a", "m2");
    await expect(send("a", "call")).rejects.toThrow(
      "the server is closing, and T has messages for its next start",
    );
    await send("b", "other");
    await mailbox.drained();
    expect(tries.slice(before)).toEqual(["other"]);
    expect(messages.all().map(({ attempt }) => attempt)).toEqual(["m1", "m2"]);
  });

  test("goes on with an awaited call until it is done or its caller has given up", async () => {
    let failing = true;
    const { clock, mailbox, problems, send } = start(async (_, deliveries) =>
      failing ? [...deliveries] : [],
    );
    await send("a", "e1");
    await clock.idle();
    mailbox.close();
    let drained = false;
    const draining = mailbox.drained().then(() => {
      drained = true;
    });
    await clock.advance(20_000);
    expect(drained).toBe(false);
    failing = false;
    await clock.advance(5_000);
    await draining;
    expect(problems).toEqual([]);
  });

  test("delivers what its last turns send, but not for ever", async () => {
    const clock = new StepClock();
    const messages = createMemoryMessages();
    let count = 0;
    const { mailbox, post } = start(
      async () => {
        await new Promise<void>((resolve) => clock.after(100, resolve));
        await post("a", `m${++count}`);
        return [];
      },
      { clock, messages },
    );
    await post("a", "m0");
    await clock.idle();
    mailbox.close();
    const drained = mailbox.drained();
    await clock.advance(60_000);
    await drained;
    expect(count).toBeGreaterThan(40);
    expect(count).toBeLessThan(60);
    expect(messages.all().map(({ attempt }) => attempt)).toEqual([`m${count}`]);
    expect(clock.pending).toBe(0);
  });

  test("leaves what is still waiting after some seconds in the file", async () => {
    const clock = new StepClock();
    const messages = createMemoryMessages();
    const seen: string[] = [];
    const { mailbox, post } = start(
      async (_, deliveries) => {
        seen.push(...deliveries.map(({ envelope }) => envelope.attempt ?? ""));
        await new Promise<void>((resolve) => clock.after(6_000, resolve));
        return [];
      },
      { clock, messages },
    );
    const ids = Array.from({ length: 100 }, (_, n) => `m${n}`);
    await Promise.all(ids.map((id) => post("a", id)));
    await clock.idle();
    mailbox.close();
    await clock.advance(60_000);
    await mailbox.drained();
    expect(seen.length).toBe(64);
    expect(messages.all().map(({ attempt }) => attempt)).toEqual(ids.slice(64));
  });
});
