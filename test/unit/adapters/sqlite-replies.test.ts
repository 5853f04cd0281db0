import { expect, test } from "vitest";
import { createLocalReplies } from "../../../runtime/adapters/local/local-replies.ts";
import { createSqliteLedger } from "../../../runtime/adapters/local/sqlite-replies.ts";
import { openStateFile } from "../../../runtime/adapters/local/state-file.ts";
import { StepClock } from "../core/fixtures.ts";
import { stateFilePath } from "./envelopes.ts";

const DAY = 24 * 60 * 60 * 1000;

function open({ path = stateFilePath(), clock = new StepClock(), retentionMs = DAY } = {}) {
  const file = openStateFile(path);
  const ledger = createSqliteLedger(file, { clock, retentionMs });
  const count = () => Number(file.db.prepare("SELECT count(*) AS n FROM replies").get()?.n);
  return { path, clock, file, ledger, count, replies: createLocalReplies(clock, ledger) };
}

test("kept outcomes outlive the process, and those that nobody waited for; others do not", async () => {
  const first = open();
  await first.replies.write("=e1", "+[1]");
  const answer = first.replies.wait(["e2"], first.clock.now() + 1000);
  await first.replies.write("e2", "+[2]");
  expect(await answer).toBe("+[2]");
  await first.replies.write("e4", "+[4]");
  const waiting = first.replies.write("=e3", "+[3]");
  first.file.close();
  await waiting;
  const second = open(first);
  expect(await second.replies.filed(["=e1", "e2", "=e3", "e4"])).toEqual(new Set(["=e1", "=e3", "e4"]));
  expect(await second.replies.wait(["attempt", "=e1"], second.clock.now() + 1000)).toBe("+[1]");
  await second.replies.write("=e1", "+[4]");
  expect(await second.replies.wait(["=e1"], second.clock.now() + 1000)).toBe("+[1]");
  second.file.close();
});

test("the default retention is a day", async () => {
  const path = stateFilePath();
  const clock = new StepClock();
  const file = openStateFile(path);
  const ledger = createSqliteLedger(file, { clock });
  await ledger.write("=e1", "+[1]");
  await clock.advance(DAY - 1);
  expect([ledger.has("=e1"), ledger.read("=e1")]).toEqual([true, "+[1]"]);
  await clock.advance(1);
  expect([ledger.has("=e1"), ledger.read("=e1")]).toEqual([false, undefined]);
  file.close();
});

test("write tells which outcome stands, also of two that land together", async () => {
  const { file, ledger } = open();
  expect(await Promise.all([ledger.write("=e1", "+[1]"), ledger.write("=e1", "+[2]")])).toEqual([
    "+[1]",
    "+[1]",
  ]);
  expect(await ledger.write("=e1", "+[3]")).toBe("+[1]");
  file.close();
});

test("whoever waits is answered when the outcome is on disk, not when it is written", async () => {
  const { file, replies, clock, path } = open();
  const order: string[] = [];
  const waiting = replies.wait(["=e1"], clock.now() + 1000).then(() => order.push("answered"));
  const writing = Promise.resolve(replies.write("=e1", "+[1]")).then(() => order.push("written"));
  // In line behind it, and so in the same transaction.
  void file.write(() => order.push("landing"));
  await Promise.all([waiting, writing]);
  expect(order[0]).toBe("landing");
  expect(order.length).toBe(3);
  file.close();
  const again = open({ path, clock });
  expect(again.ledger.read("=e1")).toBe("+[1]");
  again.file.close();
});

test("an expired outcome counts as absent, also after a restart, and is written over", async () => {
  const first = open();
  await first.ledger.write("=e1", "+[1]");
  first.file.close();
  await first.clock.advance(DAY);
  const { file, ledger, count } = open(first);
  expect([ledger.has("=e1"), ledger.read("=e1"), count()]).toEqual([false, undefined, 1]);
  expect(await ledger.write("=e1", "+[2]")).toBe("+[2]");
  expect([ledger.read("=e1"), count()]).toEqual(["+[2]", 1]);
  file.close();
});

test("expired outcomes are cleared away as others are written, a few at a time", async () => {
  const { file, ledger, count, clock } = open({ retentionMs: 1000 });
  await Promise.all(Array.from({ length: 10 }, (_, n) => ledger.write(`=old${n}`, "+[1]")));
  await clock.advance(999);
  await ledger.write("=young", "+[1]");
  expect(count()).toBe(11);
  await clock.advance(1);
  await ledger.write("=new1", "+[1]");
  expect(count()).toBeGreaterThan(2);
  expect(count()).toBeLessThan(12);
  for (let n = 2; n <= 5; n++) await ledger.write(`=new${n}`, "+[1]");
  expect(count()).toBe(6);
  expect([ledger.has("=young"), ledger.has("=new1")]).toEqual([true, true]);
  file.close();
});
