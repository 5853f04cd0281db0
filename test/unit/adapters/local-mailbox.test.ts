import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import { createLocalMailbox } from "../../../runtime/adapters/local/local-mailbox.ts";
import { createLocalReplies } from "../../../runtime/adapters/local/local-replies.ts";
import type { ActorId, Delivery, Envelope } from "../../../runtime/ports/mailbox.ts";
import { StepClock } from "../core/fixtures.ts";

function start(consume: (id: ActorId, deliveries: readonly Delivery[]) => Promise<Delivery[]>) {
  const clock = new StepClock();
  const problems: string[] = [];
  const mailbox = createLocalMailbox({
    queue: "q",
    consume,
    clock,
    telemetry: { problem: (what) => void problems.push(what) },
  });
  const send = (name: string, id: string) => mailbox.send(envelope(name, id, clock.now() + 28_000));
  return { clock, mailbox, problems, send };
}

function envelope(name: string, id: string, deadline: number): Envelope {
  return { id, to: { type: "T", name }, call: { method: "m", args: "[[]]" }, deadline, chain: [] };
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

describe("the replies of one process", () => {
  const open = () => {
    const clock = new StepClock();
    return { clock, replies: createLocalReplies(clock) };
  };

  test("an outcome that nobody asks for is forgotten after a minute", async () => {
    const { clock, replies } = open();
    await replies.write("e1", "+[1]");
    await clock.advance(59_999);
    await replies.write("e2", "+[2]");
    expect((await replies.read(["e1", "e2"])).size).toBe(2);
    await clock.advance(1);
    await replies.write("e3", "+[3]");
    expect([...(await replies.read(["e1", "e2", "e3"])).keys()]).toEqual(["e2", "e3"]);
  });

  test("an outcome that was handed over is not kept", async () => {
    const { clock, replies } = open();
    await replies.write("e1", "+[1]");
    expect(await replies.wait("e1", clock.now() + 1000)).toBe("+[1]");
    expect((await replies.read(["e1"])).size).toBe(0);
  });

  test("an outcome that comes when its caller has given up, or comes again, is filed", async () => {
    const { clock, replies } = open();
    const late = replies.wait("late", clock.now() + 1000);
    await clock.advance(1000);
    expect(await late).toBeUndefined();
    await replies.write("late", "+[1]");
    const twice = replies.wait("twice", clock.now() + 1000);
    await replies.write("twice", "+[2]");
    expect(await twice).toBe("+[2]");
    await replies.write("twice", "+[2]");
    expect([...(await replies.read(["late", "twice"]))]).toEqual([
      ["late", "+[1]"],
      ["twice", "+[2]"],
    ]);
  });

  test("a wait that was answered leaves no timer", async () => {
    const { clock, replies } = open();
    const waiting = replies.wait("e1", clock.now() + 1000);
    expect(clock.pending).toBe(1);
    await replies.write("e1", "+[1]");
    await waiting;
    expect(clock.pending).toBe(0);
  });
});
