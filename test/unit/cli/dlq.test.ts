import { describe, expect, test } from "vitest";
import { settleLetters } from "../../../cli/commands/dlq.ts";
import { type DeadLetter, deadLettersIn, isNamed, letterJson, letterLine } from "../../../cli/dead-letter.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { decodeMessage, encodeMessage } from "../../../runtime/core/message.ts";
import { redriven } from "../../../runtime/core/redrive.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import type { DeadLetterQueue, DeadMessage } from "../../../runtime/ports/dead-letters.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import { projectFolder } from "../project/project-folder.ts";
import { runActors } from "./run-actors.ts";

const envelope: Envelope = {
  id: "=key",
  attempt: "attempt-1",
  to: { type: "Account", name: "al\u001b[31mice\u202e" },
  call: { kind: "method", method: "deposit", args: "[[1],10]" },
  fingerprint: "0123456789ab",
  awaited: true,
  due: undefined,
  deadline: 1000,
  chain: ["Relay/a"],
};
const deadLetter = (message: DeadMessage) => deadLettersIn(message)[0] as DeadLetter;
const message = {
  messageId: "m-1",
  receipt: "r-1",
  body: encodeEnvelope(envelope),
  sentAt: 1_000_000,
  reason: undefined,
};

describe("a dead letter goes back", () => {
  test("under its own id, as an attempt of its own, whenever that is, when nobody has answered it", () => {
    expect(redriven(envelope, { givenUp: false, fresh: "fresh" })).toEqual({
      ...envelope,
      attempt: "fresh",
      deadline: Number.MAX_SAFE_INTEGER,
      chain: [],
    });
  });

  test("as a message that nobody waits for, always the same call, when it was given up", () => {
    const [one, same] = ["a", "b"].map((fresh) => redriven(envelope, { givenUp: true, fresh }));
    expect(one).toMatchObject({ attempt: "a", awaited: false, chain: [], deadline: Number.MAX_SAFE_INTEGER });
    expect(one?.id).toMatch(/^=[\w-]{22}$/);
    expect(one?.id).not.toBe(envelope.id);
    expect(same?.id).toBe(one?.id);
    const other = redriven({ ...envelope, attempt: "attempt-2" }, { givenUp: true, fresh: "c" });
    expect(other.id).not.toBe(one?.id);
  });

  test("as the wake that it is", () => {
    const wake = wakeEnvelope(envelope.to, { at: 17, version: 3 });
    expect(redriven(wake, { givenUp: false, fresh: "fresh" })).toEqual({ ...wake, attempt: "fresh" });
  });
});

describe("a dead letter is shown", () => {
  test("that a newer version has sent: whose it is, and what to do; it is no forged one", () => {
    const body = JSON.stringify({ v: 3, type: "Account", name: "ann", toCome: true });
    const newer = deadLetter({ ...message, body });
    expect(newer).toMatchObject({ envelope: undefined, givenUp: false });
    expect(letterLine(newer, 1_090_000)).toBe(
      'm-1  90 s  Account["ann"].?  an envelope has the format 3, and this version of stateful-actors reads up to 2: deploy the newer version here, too',
    );
    expect(letterJson(newer)).toMatchObject({ type: "Account", name: "ann", method: null, answered: false });
  });

  test("in one line, with nothing in it that changes a terminal", () => {
    const given = deadLetter({ ...message, reason: "it crashed" });
    expect(letterLine(given, 1_090_000)).toBe('=key  90 s  Account["al\\u001b[31mice�"].deposit  it crashed');
    expect(given.givenUp).toBe(true);
  });

  test("when SQS has moved it", () => {
    const moved = deadLetter(message);
    expect(letterJson(moved)).toEqual({
      id: "=key",
      messageId: "m-1",
      type: "Account",
      name: envelope.to.name,
      method: "deposit",
      answered: false,
      reason: "it was received too often and never finished; it was not answered",
      sentAt: "1970-01-01T00:16:40.000Z",
    });
    expect(letterLine(moved, 1_000_000 + 3 * 3_600_000)).toContain("  3 h  ");
  });

  test("when it is no envelope, whatever it says of itself", () => {
    const junk = deadLetter({ ...message, body: "\u001b[2J", reason: "it crashed" });
    expect(junk).toMatchObject({ envelope: undefined, givenUp: false });
    expect(letterLine(junk, 1_000_000)).toMatch(
      /^m-1 {2}0 s {2}no envelope {2}it is no envelope: [^\p{Cc}]*$/u,
    );
  });

  test.each([["=key"], ["attempt-1"], ["m-1"]])("and is named by %s", (id) => {
    expect(isNamed(deadLetter(message), id)).toBe(true);
    expect(isNamed(deadLetter(message), `${id}x`)).toBe(false);
  });
});

describe("dead letters that lie in one message", () => {
  const to = { type: "Account", name: "alice" };
  const call = (id: string): Envelope => ({ ...envelope, id, attempt: undefined, to });
  const pack = (...ids: [string, ...string[]]): DeadMessage => {
    const [first, ...others] = ids.map(call);
    if (!first) throw new Error("a pack has at least one envelope");
    return { ...message, body: encodeMessage([first, ...others]) };
  };
  /** A queue with these messages, and what becomes of it. */
  const desk = (...messages: readonly DeadMessage[]) => {
    let there: readonly DeadMessage[] = messages;
    let seen = new Set<DeadMessage>();
    const events: string[] = [];
    const queue: DeadLetterQueue = {
      async receive() {
        const visible = there.filter((each) => !seen.has(each));
        seen = new Set([...seen, ...visible]);
        return visible;
      },
      async release() {
        seen = new Set();
      },
      async remove(removed, rest = []) {
        const [first, ...others] = rest;
        const left = first && { ...removed, messageId: "m-rest", body: encodeMessage([first, ...others]) };
        events.push(`removes ${removed.messageId}, leaves ${rest.map(({ id }) => id)}`);
        there = [...there.filter((each) => each !== removed), ...(left ? [left] : [])];
      },
      async count() {
        return there.length;
      },
    };
    const mailbox = {
      async send({ id, attempt, deadline }: Envelope) {
        expect(attempt).toBeDefined();
        expect(deadline).toBe(Number.MAX_SAFE_INTEGER);
        events.push(`sends ${id}`);
      },
    };
    const bodies = () => there.flatMap((each) => decodeMessage(each.body)).map(({ id }) => id);
    return { mailbox, queues: [queue], events, bodies };
  };

  test("are shown each by itself, and named each by its own id, or all by the message's", () => {
    const letters = deadLettersIn(pack("e1", "e2", "e3"));
    expect(letters.map((letter) => letterJson(letter).id)).toEqual(["e1", "e2", "e3"]);
    expect(letters.map((letter) => isNamed(letter, "e2"))).toEqual([false, true, false]);
    expect(letters.map((letter) => isNamed(letter, "m-1"))).toEqual([true, true, true]);
    expect(letterLine(letters[0] as DeadLetter, 1_000_000)).toBe(
      'e1  0 s  Account["alice"].deposit  it lay in one message with 2 more, which was received too often; it may have been answered',
    );
  });

  test("go back all, in their order, before their message goes", async () => {
    const given = desk(pack("e1", "e2", "e3"));
    const { settled } = await settleLetters(given, { action: "redrive", ids: undefined });
    expect(settled).toHaveLength(3);
    expect(given.events).toEqual(["sends e1", "sends e2", "sends e3", "removes m-1, leaves "]);
  });

  test("go back one by one, and the others stay", async () => {
    const given = desk(pack("e1", "e2", "e3"), {
      ...message,
      messageId: "m-2",
      body: encodeEnvelope(call("e4")),
    });
    await settleLetters(given, { action: "redrive", ids: ["e2"] });
    expect(given.events).toEqual(["sends e2", "removes m-1, leaves e1,e3"]);
    expect(given.bodies()).toEqual(["e4", "e1", "e3"]);
    await settleLetters(given, { action: "redrive", ids: ["e3"] });
    expect(given.bodies()).toEqual(["e4", "e1"]);
  });

  test("are dropped one by one, or with their message", async () => {
    const given = desk(pack("e1", "e2", "e3"));
    const { settled } = await settleLetters(given, { action: "drop", ids: ["e1"] });
    expect(settled.map((letter) => letterJson(letter).id)).toEqual(["e1"]);
    expect(given.bodies()).toEqual(["e2", "e3"]);
    await settleLetters(given, { action: "drop", ids: ["m-rest"] });
    expect(given.bodies()).toEqual([]);
    expect(given.events).toEqual(["removes m-1, leaves e2,e3", "removes m-rest, leaves "]);
  });

  test("that are no envelopes stay where they are", async () => {
    const given = desk({ ...message, body: "{}" });
    const { refused } = await settleLetters(given, { action: "redrive", ids: undefined });
    expect(refused).toHaveLength(1);
    expect(given.events).toEqual([]);
  });
});

describe("a mistake is one line", () => {
  test.each([
    [[], "dlq is told nothing to do: it takes list, redrive, drop"],
    [
      ["lits", "--stack", "s"],
      '"lits" is nothing that dlq does: did you mean list? it takes list, redrive, drop',
    ],
    [
      ["list", "--stack", "s", "--state", "d"],
      "--stack names a deployed stack, --state the state of an embedded server: give one of them",
    ],
    [["list", "--stack", ""], "--stack needs the name of a deployed stack"],
    [["list", "--stack", "s", "--all"], "dlq list shows all there is: leave --id and --all away"],
    [["drop", "x", "--stack", "s"], 'dlq drop takes no "x": name envelopes with --id <id>'],
    [["drop", "--stack", "s"], "dlq drop needs to know which: give either --id <id>, once or more, or --all"],
    [
      ["redrive", "--stack", "s", "--all", "--id", "x"],
      "dlq redrive needs to know which: give either --id <id>, once or more, or --all",
    ],
    [["list", "--stak", "s"], "Unknown option '--stak': see --help for the options there are"],
  ])("%j", async (args, mistake) => {
    expect(await runActors(projectFolder({}), "dlq", ...args)).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${mistake}\n`,
    });
  });
});
