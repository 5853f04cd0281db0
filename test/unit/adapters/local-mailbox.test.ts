import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import { createLocalMailbox } from "../../../runtime/adapters/local/local-mailbox.ts";
import { createMemoryMessages } from "../../../runtime/adapters/local/memory-messages.ts";
import { TRIAL } from "../../../runtime/core/trial.ts";
import { isWake, wakeEnvelope } from "../../../runtime/core/wake.ts";
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
    telemetry: { problem: (what) => void problems.push(what), count: () => {} },
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

  test("callers that ask again at once do not keep all else from running", async () => {
    /** Every look at it takes a while. */
    class BusyClock extends StepClock {
      #looks = 0;
      override now() {
        return super.now() + this.#looks++;
      }
    }
    let batches = 0;
    let others = false;
    const { mailbox, send } = start(
      async () => {
        batches++;
        if (!others && batches < 1_000) send("a", `again${batches}`);
        return [];
      },
      { clock: new BusyClock() },
    );
    send("a", "first");
    await new Promise<void>((resolve) => setImmediate(resolve));
    setImmediate(() => {
      others = true;
    });
    await mailbox.drained();
    expect(others).toBe(true);
    expect(batches).toBeLessThan(1_000);
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

  test("I4: a mailbox that has dropped a call goes under another name: what only the head knows of it is filed", async () => {
    const queues: [string, string | undefined][] = [];
    const hopeless = "e1";
    const { clock, mailbox, send } = start(async (_, deliveries) => {
      queues.push(
        ...deliveries.map(({ envelope, mark }): [string, string | undefined] => [envelope.id, mark?.queue]),
      );
      return deliveries.filter(({ envelope }) => envelope.id === hopeless);
    });
    await send("a", hopeless);
    await clock.advance(27_000);
    await send("a", "e2");
    await clock.advance(60_000);
    await send("a", "e3");
    await clock.advance(1);
    await mailbox.drained();
    const named = new Map(queues);
    expect(named.get("e2")).toBe("q");
    expect(named.get("e3")).not.toBe("q");
    expect(named.get("e3")).toBeDefined();
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
    const sending = Promise.resolve(post("a", "m1")).then(() => {
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

  test("I17: what may have ended an earlier process counts as received often; what this one tries again does not", async () => {
    const clock = new StepClock();
    const messages = createMemoryMessages();
    await messages.add(oneWay("a", "m1"));
    const seen: [id: string, receives: number][] = [];
    const { mailbox, post } = start(
      async (_, deliveries) => {
        for (const { envelope, receives } of deliveries)
          seen.push([envelope.attempt ?? envelope.id, receives]);
        return seen.length < 8 ? [...deliveries] : [];
      },
      { clock, messages },
    );
    mailbox.start();
    await post("a", "m2");
    const overdue = wakeEnvelope({ type: "T", name: "a" }, { at: clock.now() - 1, version: 1 });
    const fresh = wakeEnvelope({ type: "T", name: "a" }, { at: clock.now(), version: 2 });
    void mailbox.wake(overdue);
    void mailbox.wake(fresh);
    await clock.advance(10_000);
    const often = TRIAL.fromReceives;
    expect(new Map(seen)).toEqual(
      new Map([
        ["m1", often],
        ["m2", 1],
        [overdue.id, often],
        [fresh.id, 1],
      ]),
    );
    expect(seen).toHaveLength(8);
  });

  test("I2: an instance that owes messages gets a batch without deliveries first, not one beside others", async () => {
    const { opened, open } = gate();
    const seen: string[] = [];
    const messages = createMemoryMessages();
    await messages.add(oneWay("a", "m1"));
    const { clock, mailbox, send, problems } = start(
      async ({ name }, deliveries) => {
        seen.push([name, ...deliveries.map(({ envelope }) => envelope.attempt ?? envelope.id)].join(" "));
        if (deliveries.length === 0) await opened;
        if (name === "broken") throw new Error("on purpose");
        return [];
      },
      { messages },
    );
    mailbox.start(["a", "broken"].map((name) => ({ type: "T", name })));
    void mailbox.wake(wakeEnvelope({ type: "T", name: "a" }, { at: 5, version: 1 }));
    await Promise.all([send("a", "a1"), send("b", "b1")]);
    await clock.advance(0);
    expect(seen).toEqual(["a", "broken", "b b1"]);
    open();
    await mailbox.drained();
    expect(seen.slice(3)).toEqual(["a m1 !1.5 a1"]);
    expect(problems).toEqual(["batch failed"]);
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

describe("wakes", () => {
  const wake = (name: string, version = 1) => wakeEnvelope({ type: "T", name }, { at: 5, version });

  /** Whether a wake has ended, each time it is asked. */
  const ending = (ended: Promise<void>) => {
    let over = false;
    void ended.then(() => {
      over = true;
    });
    return () => over;
  };

  test("come in order with calls and are delivered until they are finished, but leave nothing in the file", async () => {
    const clock = new StepClock();
    const seen: string[][] = [];
    const { mailbox, messages, send } = start(
      async (_, deliveries) => {
        seen.push(deliveries.map(({ envelope }) => envelope.id));
        return seen.length < 3 ? deliveries.filter(({ envelope }) => isWake(envelope)) : [];
      },
      { clock },
    );
    await send("a", "a1");
    const ended = ending(mailbox.wake(wake("a")));
    await send("a", "a2");
    const { id } = wake("a");
    await clock.advance(0);
    expect(seen).toEqual([["a1", id, "a2"]]);
    expect(ended()).toBe(false);
    await clock.advance(100);
    expect(ended()).toBe(false);
    await clock.advance(200);
    expect(seen).toEqual([["a1", id, "a2"], [id], [id]]);
    expect(ended()).toBe(true);
    expect(messages.all()).toEqual([]);
    await mailbox.drained();
  });

  test("run outside of the turn or request in which they come", async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const { mailbox } = start(async () => {
      seen.push(context.getStore());
      return [];
    });
    await context.run("of a turn", () => mailbox.wake(wake("a")));
    expect(seen).toEqual([undefined]);
  });

  test("cost the file nothing", async () => {
    const messages = createMemoryMessages();
    const removed: string[] = [];
    const remove = async (key: string) => void removed.push(key);
    const { mailbox } = start(async () => [], { messages: { ...messages, remove } });
    await mailbox.wake(wake("a"));
    expect(removed).toEqual([]);
  });

  test("of two instances with the same id end apart", async () => {
    const { opened, open } = gate();
    const { clock, mailbox } = start(async ({ name }) => {
      if (name === "slow") await opened;
      return [];
    });
    const slow = ending(mailbox.wake(wake("slow")));
    const quick = ending(mailbox.wake(wake("quick")));
    await clock.advance(0);
    expect([slow(), quick()]).toEqual([false, true]);
    open();
    await mailbox.drained();
    expect(slow()).toBe(true);
  });

  test("that fail when the mailbox closes are given up without a word: the heads have them", async () => {
    const { clock, mailbox, problems, post, messages } = start(async (_, deliveries) => [...deliveries]);
    const ended = ending(mailbox.wake(wake("a")));
    await clock.advance(0);
    mailbox.close();
    await mailbox.drained();
    expect(ended()).toBe(true);
    expect(problems).toEqual([]);
    await post("a", "m1");
    await mailbox.drained();
    const late = ending(mailbox.wake(wake("a", 2)));
    await clock.idle();
    expect(late()).toBe(true);
    expect(messages.all().length).toBe(1);
    expect(problems.filter((each) => !each.startsWith("message left"))).toEqual([]);
  });
});
