import { expect, test } from "vitest";
import { HeadFormatError, headFromItem, headToItem } from "../../../runtime/adapters/aws/dynamo-head.ts";
import type { Head } from "../../../runtime/ports/store.ts";

const head: Head = {
  version: 3,
  inline: new Map([["balance", "[70]"]]),
  spilled: false,
  generation: 0,
  swept: 0,
  mark: undefined,
  settled: new Map(),
  outbox: [],
  alarm: undefined,
  wake: undefined,
  trial: undefined,
};

test("an outbox is a list of texts, and no attribute when it is empty", () => {
  expect(headToItem(head)).toEqual({
    format: { N: "4" },
    version: { N: "3" },
    inline: { M: { balance: { S: "[70]" } } },
    settled: { M: {} },
  });
  const item = headToItem({ ...head, outbox: ["b", "a"] });
  expect(item.outbox).toEqual({ L: [{ S: "b" }, { S: "a" }] });
  expect(headFromItem(item).outbox).toEqual(["b", "a"]);
});

test("an alarm and its wake are maps of numbers", () => {
  const item = headToItem({ ...head, alarm: { at: 17, retries: 1 }, wake: { at: 16, version: 3 } });
  expect(item.alarm).toEqual({ M: { at: { N: "17" }, retries: { N: "1" } } });
  expect(item.wake).toEqual({ M: { at: { N: "16" }, version: { N: "3" } } });
  expect(headFromItem(item)).toMatchObject({ alarm: { at: 17, retries: 1 }, wake: { at: 16, version: 3 } });
  // An alarm that was deleted leaves its wake.
  const deleted = headFromItem(headToItem({ ...head, wake: { at: 16, version: 3 } }));
  expect(deleted).toEqual({ ...head, wake: { at: 16, version: 3 } });
});

test("a trial is an id and a number", () => {
  const item = headToItem({ ...head, trial: { id: "=k", starts: 0 } });
  expect(item.trial).toEqual({ M: { id: { S: "=k" }, starts: { N: "0" } } });
  expect(headFromItem(item).trial).toEqual({ id: "=k", starts: 0 });
});

test.each([undefined, { N: "0" }, { N: "" }, { N: "1.5" }, { S: "4" }])(
  "what has the format %j is no head of any version",
  (format) => {
    const { format: _, ...item } = headToItem(head);
    const refused = () => headFromItem({ ...item, ...(format && { format: format as { N: string } }) });
    expect(refused).toThrow(HeadFormatError);
    expect(refused).toThrow("formats 1 to 4 are known: something other than stateful-actors has written it");
  },
);

test("the place of a mark in its message is an attribute where it is not the first", () => {
  const mark = { queue: "q", sequence: "18849" };
  const map = { queue: { S: "q" }, sequence: { S: "18849" } };
  expect(headToItem({ ...head, mark }).mark).toEqual({ M: map });
  expect(headToItem({ ...head, mark: { ...mark, index: 0 } }).mark).toEqual({ M: map });
  const item = headToItem({ ...head, mark: { ...mark, index: 12 } });
  expect(item.mark).toEqual({ M: { ...map, index: { N: "12" } } });
  // Who does not know it reads the rest: it is no new format.
  expect(item.format).toEqual({ N: "4" });
  expect(headFromItem(item).mark).toEqual({ ...mark, index: 12 });
  expect(headFromItem(headToItem({ ...head, mark })).mark).toEqual(mark);
});
