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
};

test("an outbox is a list of texts, and no attribute when it is empty", () => {
  expect(headToItem(head)).toEqual({
    format: { N: "2" },
    version: { N: "3" },
    inline: { M: { balance: { S: "[70]" } } },
    settled: { M: {} },
  });
  const item = headToItem({ ...head, outbox: ["b", "a"] });
  expect(item.outbox).toEqual({ L: [{ S: "b" }, { S: "a" }] });
  expect(headFromItem(item).outbox).toEqual(["b", "a"]);
});

test("a head of format 1 is read as one without outbox", () => {
  expect(headFromItem({ ...headToItem(head), format: { N: "1" } })).toEqual(head);
});

test("a head of a newer format is refused", () => {
  const newer = { ...headToItem(head), format: { N: "3" } };
  expect(() => headFromItem(newer)).toThrow(HeadFormatError);
  expect(() => headFromItem(newer)).toThrow("the stored format is 3, this version reads up to 2");
});
