import { describe, expect, test } from "vitest";
import { checkProgress } from "../../chaos/checks/progress.ts";
import { checkSafety } from "../../chaos/checks/safety.ts";
import type { Event, Kind, Recorded, Told } from "../../chaos/history.ts";
import { sortHistory } from "../../chaos/run.ts";

type Detail = { readonly to?: string; readonly others?: readonly string[]; readonly attempt?: number };

function asked(op: string, kind: Kind, { to = "a", others = [], attempt = 1 }: Detail = {}): Event {
  return { is: "begin", op, attempt, kind, to, others };
}
function told(op: string, how: Told, result?: unknown, attempt = 1): Event {
  return { is: "end", op, attempt, told: how, result, ...(how !== "ok" && { error: `${result}` }) };
}
function call(op: string, kind: Kind, result?: unknown, detail?: Detail): Event[] {
  return [asked(op, kind, detail), told(op, "ok", result)];
}
function holds(ledger: string, lines: readonly string[], alarm: number | null = null): Event {
  return { is: "state", ledger, lines, alarm };
}
function history(events: readonly Event[]): Recorded[] {
  return events.map((event, index) => ({ ...event, at: index * 1_000 }));
}
function rulesBrokenBy(...events: readonly Event[]): string[] {
  return [...new Set(checkSafety(sortHistory(history(events))).map(({ rule }) => rule))];
}

describe("a history in which everything is as promised", () => {
  test("breaks no rule", () => {
    const events = [
      ...call("1", "add", 1),
      ...call("2", "read", { length: 1, bulk: [] }),
      asked("3", "tell", { others: ["b"] }),
      asked("4", "fail"),
      told("3", "ok", 2),
      told("4", "failed", "RangeError"),
      // Asked for again, with the answer of the first attempt.
      asked("5", "bulk"),
      told("5", "unknown"),
      asked("5", "bulk", { attempt: 2 }),
      told("5", "ok", 3, 2),
      ...call("6", "read", { length: 3, bulk: ["5"] }),
      asked("7", "add"),
      told("7", "unknown"),
      asked("8", "add"),
      told("8", "unknown"),
      asked("9", "add"),
      told("9", "refused"),
      ...call("10", "post"),
      ...call("11", "relay", 6, { others: ["b"] }),
      ...call("12", "arm", 7),
      ...call("13", "arm", 8),
      ...call("14", "arm", 10),
      ...call("15", "disarm", 11),
      // An attempt before it was refused; this one may have been applied.
      asked("16", "add"),
      told("16", "unknown"),
      asked("16", "add", { attempt: 2 }),
      told("16", "refused", undefined, 2),
      holds("a", [
        "add 1",
        "tell 3 b",
        "bulk 5",
        "add 8",
        "add 10",
        "relay 11 b 2",
        "set 12 500",
        "set 13 600",
        "fire 13 601 0",
        "set 14 700",
        "unset 15",
        "add 16",
      ]),
      holds("b", ["hear a#1", "add 11/inner"]),
    ];
    expect(checkSafety(sortHistory(history(events)))).toEqual([]);
    const options = { leaseMs: 0, queueMs: 0, slackMs: 5_000 };
    expect(checkProgress({ events: history(events) }, options).violations).toEqual([]);
  });

  test("also not one in which messages were given up, and are among the dead letters", () => {
    const events: Event[] = [
      ...call("1", "tell", 1, { others: ["b"] }),
      ...call("2", "tell", 2, { others: ["b"] }),
      ...call("3", "post", undefined, { to: "b" }),
      holds("a", ["tell 1 b", "tell 2 b"]),
      holds("b", ["hear a#2"]),
    ];
    expect(rulesBrokenBy(...events).sort()).toEqual(["messages once, in order", "what was answered is kept"]);
    const buried: Event[] = [
      { is: "buried", ledger: "b", line: "hear a#1" },
      { is: "buried", ledger: "b", line: "add 3" },
    ];
    expect(rulesBrokenBy(...events, ...buried)).toEqual([]);
  });
});

describe("each rule is seen to be broken", () => {
  const cases: readonly (readonly [rule: string, name: string, ...events: Event[]])[] = [
    ["what was answered is kept", "an answered call is gone", ...call("1", "add", 1), holds("a", [])],
    ["what was answered is kept", "a message is gone that was taken", ...call("1", "post"), holds("a", [])],
    ["applied once", "an answered call", ...call("1", "add", 1), holds("a", ["add 1", "add 1"])],
    [
      "applied once",
      "one that may have been",
      asked("1", "add"),
      told("1", "unknown"),
      holds("a", ["add 1", "add 1"]),
    ],
    ["applied once", "a message", ...call("1", "post"), holds("a", ["add 1", "add 1"])],
    [
      "applied once",
      "a call within a call",
      ...call("1", "relay", 1, { others: ["b"] }),
      holds("a", ["relay 1 b 1"]),
      holds("b", ["add 1/inner", "add 1/inner"]),
    ],
    [
      "what was refused or failed is not applied",
      "refused",
      asked("1", "add"),
      told("1", "refused"),
      holds("a", ["add 1"]),
    ],
    [
      "what was refused or failed is not applied",
      "failed",
      asked("1", "add"),
      told("1", "failed"),
      holds("a", ["add 1"]),
    ],
    [
      "all or nothing",
      "a turn that threw has written",
      asked("1", "fail"),
      told("1", "failed"),
      holds("a", ["fail 1"]),
    ],
    [
      "all or nothing",
      "nobody knows that it threw",
      asked("1", "fail"),
      told("1", "unknown"),
      holds("a", ["fail 1"]),
    ],
    [
      "answered truly",
      "another place",
      ...call("1", "add", 1),
      ...call("2", "add", 1),
      holds("a", ["add 1", "add 2"]),
    ],
    [
      "answered truly",
      "the inner call's answer",
      ...call("1", "relay", 1, { others: ["b"] }),
      holds("a", ["relay 1 b 2"]),
      holds("b", ["add 1/inner"]),
    ],
    ["nothing that nobody asked for", "an unknown line", holds("a", ["add 1"])],
    [
      "nothing that nobody asked for",
      "in another ledger",
      asked("1", "add"),
      told("1", "unknown"),
      holds("b", ["add 1"]),
    ],
    [
      "one outcome",
      "asked again, another result",
      ...call("1", "add", 1),
      asked("1", "add", { attempt: 2 }),
      told("1", "ok", 2, 2),
      holds("a", ["add 1"]),
    ],
    [
      "one outcome",
      "asked again, another end",
      ...call("1", "add", 1),
      asked("1", "add", { attempt: 2 }),
      told("1", "failed", "RangeError", 2),
      holds("a", ["add 1"]),
    ],
    [
      "in order",
      "applied before an earlier one",
      ...call("1", "add", 2),
      ...call("2", "add", 1),
      holds("a", ["add 2", "add 1"]),
    ],
    [
      "in order",
      "a message overtaken",
      ...call("1", "post"),
      ...call("2", "add", 1),
      holds("a", ["add 2", "add 1"]),
    ],
    [
      "in order",
      "a stale read",
      ...call("1", "add", 1),
      ...call("2", "read", { length: 0, bulk: [] }),
      holds("a", ["add 1"]),
    ],
    [
      "in order",
      "a read of what was not asked for yet",
      ...call("1", "read", { length: 1, bulk: [] }),
      ...call("2", "add", 1),
      holds("a", ["add 2"]),
    ],
    [
      "in order",
      "reads that go back",
      asked("1", "add"),
      ...call("2", "read", { length: 1, bulk: [] }),
      ...call("3", "read", { length: 0, bulk: [] }),
      told("1", "ok", 1),
      holds("a", ["add 1"]),
    ],
    [
      "reads see one committed state",
      "values of two turns",
      ...call("1", "bulk", 1),
      ...call("2", "bulk", 2),
      ...call("3", "read", { length: 2, bulk: ["2", "1"] }),
      holds("a", ["bulk 1", "bulk 2"]),
    ],
    [
      "reads see one committed state",
      "more lines than there are",
      ...call("1", "read", { length: 1, bulk: [] }),
      holds("a", []),
    ],
    [
      "messages once, in order",
      "one is lost",
      ...call("1", "tell", 1),
      holds("a", ["tell 1 b"]),
      holds("b", []),
    ],
    [
      "messages once, in order",
      "one comes twice",
      ...call("1", "tell", 1),
      holds("a", ["tell 1 b"]),
      holds("b", ["hear a#1", "hear a#1"]),
    ],
    [
      "messages once, in order",
      "out of order",
      ...call("1", "tell", 1),
      ...call("2", "tell", 2),
      holds("a", ["tell 1 b", "tell 2 b"]),
      holds("b", ["hear a#2", "hear a#1"]),
    ],
    ["messages once, in order", "of a turn that did not commit", holds("a", []), holds("b", ["hear a#1"])],
    [
      "alarms fire once",
      "twice",
      ...call("1", "arm", 1),
      holds("a", ["set 1 5", "fire 1 6 0", "fire 1 7 0"]),
    ],
    [
      "alarms fire once",
      "after it was replaced",
      ...call("1", "arm", 1),
      ...call("2", "arm", 2),
      holds("a", ["set 1 5", "set 2 5", "fire 1 6 0"]),
    ],
    [
      "alarms fire once",
      "after it was deleted",
      ...call("1", "arm", 1),
      ...call("2", "disarm", 2),
      holds("a", ["set 1 5", "unset 2", "fire 1 6 0"]),
    ],
    ["never before its time", "early", ...call("1", "arm", 1), holds("a", ["set 1 500", "fire 1 499 0"])],
    ["no alarm is lost", "never fired", ...call("1", "arm", 1), holds("a", ["set 1 5"])],
    ["no alarm is lost", "still set", holds("a", [], 5)],
    [
      "no alarm is dropped before four attempts",
      "dropped",
      ...call("1", "arm", 1),
      holds("a", ["set 1 5", "drop", "fire 1 6 2"]),
    ],
  ];
  test.each(cases)("%s: %s", (rule, _name, ...events) => {
    expect(rulesBrokenBy(...(events as Event[]))).toContain(rule);
  });
});

describe("progress", () => {
  const options = { leaseMs: 30_000, queueMs: 60_000, slackMs: 5_000 };
  const kill = (ledger: string): Event => ({ is: "kill", worker: "w", holds: [{ ledger, batch: "b" }] });
  const leased: Event = { is: "leased", batch: "b" };
  const read = (op: string, to = "a") => asked(op, "read", { to });
  /** Events at times in seconds. */
  const check = (...events: readonly (readonly [number, Event])[]) =>
    checkProgress({ events: events.map(([at, event]) => ({ ...event, at: at * 1_000 })) }, options);

  test.each([
    ["nobody holds it", check([0, read("1")], [6, told("1", "ok")])],
    ["longer than its lease", check([0, leased], [1, kill("a")], [1, read("1")], [37, told("1", "ok")])],
    ["longer than the queue hides it", check([1, kill("a")], [1, read("1")], [67, told("1", "ok")])],
    ["another ledger is held", check([0, leased], [1, kill("b")], [1, read("1")], [10, told("1", "ok")])],
    [
      "after it has recovered",
      check(
        [0, leased],
        [0, kill("a")],
        [0, read("1")],
        [9, told("1", "ok")],
        [9, read("2")],
        [15, told("2", "ok")],
      ),
    ],
    ["it never ends", check([0, read("1")])],
  ])("what is stuck is found: %s", (_, { violations }) => {
    expect(violations.map(({ rule }) => rule)).toEqual(["nothing is stuck"]);
  });

  test.each([
    ["within its lease", check([0, leased], [1, kill("a")], [1, read("1")], [35, told("1", "ok")])],
    ["before there was a lease", check([1, kill("a")], [1, read("1")], [65, told("1", "ok")])],
    [
      "an answer that was on its way says nothing",
      check(
        [0, leased],
        [0, read("1")],
        [1, kill("a")],
        [2, told("1", "ok")],
        [2, read("2")],
        [35, told("2", "ok")],
      ),
    ],
    [
      "whoever waits for what is held may wait as long",
      check([0, leased], [0, asked("1", "relay", { others: ["b"] })], [1, kill("b")], [34, told("1", "ok")]),
    ],
    [
      "killed again",
      check([0, leased], [1, kill("a")], [1, read("1")], [30, kill("a")], [62, told("1", "ok")]),
    ],
    [
      "a queue of calls moves on",
      check([0, read("1")], [0, read("2")], [4, told("1", "ok")], [8, told("2", "ok")]),
    ],
  ])("what waits for a reason may wait: %s", (_, { violations }) => {
    expect(violations).toEqual([]);
  });

  test("recovery is the time to the answer of a call that began after the fault", () => {
    const { recoveries } = check(
      [0, leased],
      [0, read("1")],
      [1, kill("a")],
      [1, read("2")],
      [2, told("1", "ok")],
      [31, told("2", "ok")],
    );
    expect(recoveries).toEqual([{ fault: "kill", ledger: "a", leased: true, ms: 30_000 }]);
  });
});
