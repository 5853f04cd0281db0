import { expect, test } from "vitest";
import { createSqliteMessages } from "../../../runtime/adapters/local/sqlite-messages.ts";
import { createSqliteLedger } from "../../../runtime/adapters/local/sqlite-replies.ts";
import { openStateFile } from "../../../runtime/adapters/local/state-file.ts";
import { StepClock } from "../core/fixtures.ts";
import { oneWay, stateFilePath } from "./envelopes.ts";

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

function open({ path = stateFilePath(), clock = new StepClock() } = {}) {
  const file = openStateFile(path);
  const problems: [string, unknown][] = [];
  const telemetry = {
    problem: (what: string, detail: unknown) => void problems.push([what, detail]),
    count: () => {},
  };
  const messages = createSqliteMessages(file, { clock, telemetry });
  const attempts = () => messages.all().map(({ attempt }) => attempt);
  return { path, clock, file, messages, attempts, problems, ledger: createSqliteLedger(file, { clock }) };
}

test("messages outlive the process, in order, until they are removed", async () => {
  const first = open();
  const sent = [oneWay("b", "z"), oneWay("a", "y", 2_000_000.5), oneWay("b", "x"), oneWay("b", "gone")];
  await Promise.all(sent.map((each) => first.messages.add(each)));
  await first.messages.remove("gone");
  const last = first.messages.add(oneWay("b", "w"));
  first.file.close();
  await last;
  const second = open(first);
  expect(second.messages.all()).toEqual([...sent.slice(0, 3), oneWay("b", "w")]);
  await second.messages.add(oneWay("b", "v"));
  expect(second.attempts()).toEqual(["z", "y", "x", "w", "v"]);
  second.file.close();
});

test("a message that this version can't read is reported and stays in the file", async () => {
  const first = open();
  await first.messages.add(oneWay("a", "m1"));
  await first.messages.add(oneWay("a", "m2"));
  first.file.db.exec(`UPDATE messages SET envelope = '{"v":99}' WHERE attempt = 'm1'`);
  expect(first.attempts()).toEqual(["m2"]);
  expect(first.problems).toEqual([
    [
      "message not readable",
      { envelope: "m1", reason: "envelope format 99 is not known here; those from 2 to 2 are" },
    ],
  ]);
  expect(Number(first.file.db.prepare("SELECT count(*) AS n FROM messages").get()?.n)).toBe(2);
  first.file.close();
});

test("a message whose outcome was filed before a crash is not delivered again, however long the server was down", async () => {
  const first = open();
  const { clock } = first;
  await first.messages.add(oneWay("a", "done"));
  await first.messages.add(oneWay("a", "open"));
  await first.messages.add(oneWay("a", "due then", clock.now() + HOUR));
  await clock.advance(HOUR);
  await first.ledger.write("=done", "+[1]");
  await first.ledger.write("=due then", "+[1]");
  first.file.close();
  await clock.advance(10 * DAY);
  const second = open(first);
  expect(second.attempts()).toEqual(["open"]);
  second.file.close();
});

test("a message is not taken for done for an outcome that had expired when it was to be delivered", async () => {
  const first = open();
  const { clock } = first;
  await first.ledger.write("=reused", "+[1]");
  await first.ledger.write("=far", "+[1]");
  await first.messages.add(oneWay("a", "far", clock.now() + 2 * DAY));
  await clock.advance(DAY);
  await first.messages.add(oneWay("a", "reused"));
  first.file.close();
  await clock.advance(3 * DAY);
  const second = open(first);
  expect(second.attempts()).toEqual(["far", "reused"]);
  second.file.close();
});
