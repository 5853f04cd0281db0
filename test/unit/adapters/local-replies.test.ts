import { describe, expect, test } from "vitest";
import { createLocalReplies, createMemoryLedger } from "../../../runtime/adapters/local/local-replies.ts";
import { StepClock } from "../core/fixtures.ts";

function open() {
  const clock = new StepClock();
  return { clock, replies: createLocalReplies(clock) };
}

const soon = (clock: StepClock) => clock.now() + 1000;

describe("outcomes in memory", () => {
  test("an outcome that nobody asks for is forgotten after a minute", async () => {
    const { clock, replies } = open();
    await replies.write("e1", "+[1]");
    await clock.advance(59_999);
    await replies.write("e2", "+[2]");
    expect(await replies.filed(["e1", "e2"])).toEqual(new Set(["e1", "e2"]));
    await clock.advance(1);
    expect(await replies.filed(["e1", "e2"])).toEqual(new Set(["e2"]));
    const waiting = replies.wait(["e1"], clock.now());
    await clock.advance(0);
    expect(await waiting).toBeUndefined();
  });

  test("the first outcome stands until it is forgotten", async () => {
    const { clock, replies } = open();
    await replies.write("e1", "+[1]");
    await replies.write("e1", "+[2]");
    await replies.write("e2", "+[1]");
    await clock.advance(60_000);
    await replies.write("e2", "+[2]");
    await replies.write("e1", "+[3]");
    expect(await replies.wait(["e1"], soon(clock))).toBe("+[3]");
    expect(await replies.wait(["e2"], soon(clock))).toBe("+[2]");
  });

  test("an outcome that was handed over is not kept", async () => {
    const { clock, replies } = open();
    await replies.write("e1", "+[1]");
    expect(await replies.wait(["e1"], soon(clock))).toBe("+[1]");
    expect((await replies.filed(["e1"])).size).toBe(0);
    const waiting = replies.wait(["e2"], soon(clock));
    await replies.write("e2", "+[2]");
    expect(await waiting).toBe("+[2]");
    expect((await replies.filed(["e2"])).size).toBe(0);
  });

  test("an outcome that comes when its caller has given up, or comes again, is filed", async () => {
    const { clock, replies } = open();
    const late = replies.wait(["late"], soon(clock));
    await clock.advance(1000);
    expect(await late).toBeUndefined();
    await replies.write("late", "+[1]");
    const twice = replies.wait(["twice"], soon(clock));
    await replies.write("twice", "+[2]");
    expect(await twice).toBe("+[2]");
    await replies.write("twice", "+[2]");
    expect(await replies.filed(["late", "twice"])).toEqual(new Set(["late", "twice"]));
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
    const writing = replies.write("=e1", "+[2]").then(() => {
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

test("an outcome that an earlier process remembered is found by whoever asks again", async () => {
  const clock = new StepClock();
  const ledger = createMemoryLedger(clock);
  const before = createLocalReplies(clock, ledger);
  before.remember("id");
  await before.write("id", "outcome");
  const after = createLocalReplies(clock, ledger);
  expect(await after.filed(["id", "attempt"])).toEqual(new Set(["id"]));
  expect(await after.wait(["id", "attempt"], clock.now() + 1)).toBe("outcome");
});
