import { describe, expect, test } from "vitest";
import { createLocalReplies, createMemoryLedger } from "../../../runtime/adapters/local/local-replies.ts";
import { StepClock } from "../core/fixtures.ts";

function open() {
  const clock = new StepClock();
  return { clock, replies: createLocalReplies(clock) };
}

const soon = (clock: StepClock) => clock.now() + 1000;

describe("an outcome that somebody waits for", () => {
  test("is handed over, and not kept", async () => {
    const { clock, replies } = open();
    const waiting = replies.wait(["e1"], soon(clock));
    await replies.write("e1", "+[1]");
    expect(await waiting).toBe("+[1]");
    expect((await replies.filed(["e1"])).size).toBe(0);
  });

  test("and that comes again afterwards is filed", async () => {
    const { clock, replies } = open();
    const waiting = replies.wait(["e1"], soon(clock));
    await replies.write("e1", "+[1]");
    await waiting;
    await replies.write("e1", "+[1]");
    expect(await replies.filed(["e1"])).toEqual(new Set(["e1"]));
  });
});

describe("an outcome that nobody waits for", () => {
  test("is in the ledger before its delivery is finished, for this process and the next", async () => {
    const clock = new StepClock();
    const ledger = createMemoryLedger(clock);
    const replies = createLocalReplies(clock, ledger);
    await replies.write("e1", "+[1]");
    await replies.write("e1", "+[2]");
    await clock.advance(3_600_000);
    for (const process of [replies, createLocalReplies(clock, ledger)]) {
      expect(await process.filed(["e1"])).toEqual(new Set(["e1"]));
      expect(await process.wait(["e1", "a1"], soon(clock))).toBe("+[1]");
    }
  });

  test("answers whoever begins to wait while it is being filed", async () => {
    const clock = new StepClock();
    const memory = createMemoryLedger(clock);
    let land = () => {};
    const write = async (id: string, outcome: string) => {
      await new Promise<void>((resolve) => {
        land = resolve;
      });
      return memory.write(id, outcome);
    };
    const replies = createLocalReplies(clock, { ...memory, write });
    const writing = replies.write("e1", "+[1]");
    const waiting = replies.wait(["e1"], soon(clock));
    land();
    await writing;
    expect(await waiting).toBe("+[1]");
  });

  test("is not finished while the ledger fails", async () => {
    const clock = new StepClock();
    const write = () => Promise.reject(new Error("disk full"));
    const replies = createLocalReplies(clock, { ...createMemoryLedger(clock), write });
    await expect(replies.write("e1", "+[1]")).rejects.toThrow("disk full");
  });

  test("as its caller gave up, is found by a second attempt", async () => {
    const { clock, replies } = open();
    const late = replies.wait(["late"], soon(clock));
    await clock.advance(1000);
    expect(await late).toBeUndefined();
    await replies.write("late", "+[1]");
    expect(await replies.filed(["late"])).toEqual(new Set(["late"]));
  });
});

describe("waiting", () => {
  test("everyone who waits for an id is answered, each until its own deadline", async () => {
    const { clock, replies } = open();
    for (const id of ["e1", "=e1"]) {
      const impatient = replies.wait([id], clock.now() + 10);
      const patient = Array.from({ length: 200 }, () => replies.wait([id], soon(clock)));
      await clock.advance(10);
      expect(await impatient).toBeUndefined();
      await replies.write(id, "+[1]");
      expect(new Set(await Promise.all(patient))).toEqual(new Set(["+[1]"]));
      expect(clock.pending).toBe(0);
    }
  });

  test.each([
    ["the first", "=call", "attempt"],
    ["the second", "attempt", "=call"],
  ])("on two ids: an outcome under %s answers, and the wait leaves the other one", async (_, id, other) => {
    const { clock, replies } = open();
    const waiting = replies.wait(["=call", "attempt"], soon(clock));
    expect(clock.pending).toBe(1);
    await replies.write(id, "+[1]");
    expect([await waiting, clock.pending]).toEqual(["+[1]", 0]);
    // Had the wait stayed behind, it would swallow this one.
    await replies.write(other, "+[2]");
    expect(await replies.filed([other])).toEqual(new Set([other]));
    expect(await replies.wait([other], soon(clock))).toBe("+[2]");
  });

  test("on two ids: what is on file under either is found at once", async () => {
    const { clock, replies } = open();
    await replies.write("attempt1", "-[1]");
    expect(await replies.wait(["=call", "attempt1"], soon(clock))).toBe("-[1]");
    await replies.write("=call", "+[2]");
    expect(await replies.wait(["=call", "attempt2"], soon(clock))).toBe("+[2]");
    expect(clock.pending).toBe(0);
  });
});

describe("kept calls", () => {
  test("their outcome is found again and again, until it expires", async () => {
    const clock = new StepClock();
    const ledger = createMemoryLedger(clock, { retentionMs: 5_000 });
    const replies = createLocalReplies(clock, ledger);
    await replies.write("=e1", "+[1]");
    await clock.advance(4_999);
    await replies.write("=e1", "+[2]");
    for (let round = 0; round < 2; round++) {
      expect(await replies.wait(["=e1"], soon(clock))).toBe("+[1]");
      expect(await replies.filed(["=e1", "=e2"])).toEqual(new Set(["=e1"]));
    }
    await clock.advance(1);
    expect((await replies.filed(["=e1"])).size).toBe(0);
    await replies.write("=e1", "+[3]");
    expect(await replies.wait(["=e1"], soon(clock))).toBe("+[3]");
  });

  test("stand for a day if nothing else is said", async () => {
    const { clock, replies } = open();
    await replies.write("=e1", "+[1]");
    await clock.advance(24 * 60 * 60 * 1000 - 1);
    expect((await replies.filed(["=e1"])).size).toBe(1);
    await clock.advance(1);
    expect((await replies.filed(["=e1"])).size).toBe(0);
  });

  test("whoever waits is answered only when the ledger has the outcome, with the one that stands", async () => {
    const clock = new StepClock();
    const landings: (() => void)[] = [];
    const memory = createMemoryLedger(clock);
    const replies = createLocalReplies(clock, {
      ...memory,
      write: async (id, outcome) => {
        await new Promise<void>((resolve) => landings.push(resolve));
        return memory.write(id, outcome);
      },
    });
    const answers: (string | undefined)[] = [];
    const waiting = replies.wait(["=e1"], soon(clock)).then((outcome) => answers.push(outcome));
    let written = false;
    const writing = Promise.resolve(replies.write("=e1", "+[2]")).then(() => {
      written = true;
    });
    await clock.idle();
    expect([answers, written, (await replies.filed(["=e1"])).size]).toEqual([[], false, 0]);
    await memory.write("=e1", "+[1]");
    for (const land of landings) land();
    await Promise.all([waiting, writing]);
    expect(answers).toEqual(["+[1]"]);
  });

  test("a ledger that fails answers nobody, and fails the write", async () => {
    const clock = new StepClock();
    const replies = createLocalReplies(clock, {
      ...createMemoryLedger(clock),
      write: () => Promise.reject(new Error("disk full")),
    });
    const waiting = replies.wait(["=e1"], soon(clock));
    await expect(replies.write("=e1", "+[1]")).rejects.toThrow("disk full");
    await clock.advance(1000);
    expect(await waiting).toBeUndefined();
  });
});

describe("I11: a call without a kept id that is asked for again", () => {
  const again = async (replies: ReturnType<typeof createLocalReplies>, clock: StepClock) => {
    const waiting = replies.wait(["e1", "a1"], soon(clock));
    await clock.advance(1000);
    return waiting;
  };

  test("after its caller gave up: the outcome that came later is there, also for the next process, for 24 hours", async () => {
    const clock = new StepClock();
    const ledger = createMemoryLedger(clock);
    const first = createLocalReplies(clock, ledger);
    const waiting = first.wait(["e1"], soon(clock));
    await clock.advance(1000);
    expect(await waiting).toBeUndefined();
    await first.write("e1", "+[1]");
    await clock.advance(3_600_000);
    for (const replies of [first, createLocalReplies(clock, ledger)]) {
      expect(await replies.filed(["e1", "a1"])).toEqual(new Set(["e1"]));
      expect(await again(replies, clock)).toBe("+[1]");
    }
    await clock.advance(24 * 3_600_000);
    expect((await first.filed(["e1"])).size).toBe(0);
  });

  test("whose outcome came before it was known that it would be", async () => {
    const { clock, replies } = open();
    await replies.write("e1", "+[1]");
    expect(await again(replies, clock)).toBe("+[1]");
    await clock.advance(3_600_000);
    expect(await again(replies, clock)).toBe("+[1]");
  });

  test("that a door has taken in", async () => {
    const { clock, replies } = open();
    replies.remember("e1");
    const answered = replies.wait(["e1"], soon(clock));
    await replies.write("e1", "+[1]");
    expect(await answered).toBe("+[1]");
    await clock.advance(3_600_000);
    expect(await again(replies, clock)).toBe("+[1]");
  });
});
