import { setImmediate as immediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { logTurns } from "../../../cli/request-log.ts";
import { createTurnFeed, type TurnFeed } from "../../../handlers/turn-feed.ts";
import type { TurnEnd } from "../../../runtime/ports/turn-observer.ts";
import { delivery } from "../core/fixtures.ts";

const OK: TurnEnd = { error: undefined, ran: true };

/** A turn of 1.25 ms on a clock of the test. */
function turn(
  name: string,
  end: TurnEnd = OK,
  method = "debit",
): (feed: TurnFeed, clock: { now: number }) => void {
  return ({ observer }, clock) => {
    const { envelope } = delivery({ type: "Account", name }, method);
    const observed = observer.began(envelope);
    clock.now += 1.25;
    observed.ended(end);
    observed.durable(7);
  };
}

async function logged(...turns: ReturnType<typeof turn>[]): Promise<string[]> {
  const clock = { now: new Date(2030, 0, 31, 12, 5, 9, 45).getTime() };
  const feed = createTurnFeed(() => clock.now);
  const written: string[] = [];
  logTurns(feed, (text) => written.push(text));
  for (const each of turns) each(feed, clock);
  await immediate();
  return written;
}

test("a line says when, what, how it ended, how long it took, and the version", async () => {
  expect(await logged(turn("alice"))).toEqual(["12:05:09.045  Account[alice].debit  ok  1.3 ms  v7\n"]);
});

test("turns of one moment are written at once", async () => {
  const written = await logged(turn("a"), turn("b"), turn("c"));
  expect(written).toHaveLength(1);
  expect(written[0]?.split("\n")).toHaveLength(4);
});

test("a failure, and a refusal", async () => {
  const error = { name: "ActorMethodError", message: "no money" };
  const late = { name: "ActorDeadlineError", message: "too late" };
  const [text] = await logged(turn("a", { error, ran: true }), turn("a", { error: late, ran: false }));
  expect(text).toContain("Account[a].debit  ActorMethodError: no money  1.3 ms");
  expect(text).toContain("Account[a].debit  refused: ActorDeadlineError: too late  1.3 ms");
});

test.each([
  ["a\u001b[2J", "a\\u{1b}[2J"],
  ["a\r\nb", "a\\u{d}\\u{a}b"],
  ["\u009b31m", "\\u{9b}31m"],
  ["\u202eevil", "\\u{202e}evil"],
  ["\u2028", "\\u{2028}"],
  ["\u0000", "\\u{0}"],
  ["\u{e0041}tag", "\\u{e0041}tag"],
  ["naïve ☃ 🎉 中", "naïve ☃ 🎉 中"],
  ["x".repeat(2_000), `${"x".repeat(80)}…`],
])("what a name, a method or a message holds moves no cursor: %j", async (written, shown) => {
  const error = { name: "ActorMethodError", message: written };
  const [text] = await logged(turn(written, { error, ran: true }, written));
  expect(text?.slice("12:05:09.045  ".length)).toBe(
    `Account[${shown}].${shown}  ActorMethodError: ${shown}  1.3 ms  v7\n`,
  );
});
