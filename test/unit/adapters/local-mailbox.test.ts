import { describe, expect, test } from "vitest";
import { createLocalMailbox } from "../../../runtime/adapters/local/local-mailbox.ts";
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
