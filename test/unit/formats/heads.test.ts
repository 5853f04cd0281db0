import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { expect, test } from "vitest";
import { HEAD_FORMAT, headFromItem, headToItem } from "../../../runtime/adapters/aws/dynamo-head.ts";
import { createDynamoStore } from "../../../runtime/adapters/aws/dynamo-store.ts";
import { ActorFormatError } from "../../../runtime/core/errors.ts";
import { NEW_HEAD } from "../../../runtime/core/state.ts";
import type { Head } from "../../../runtime/ports/store.ts";
import { StepClock } from "../core/fixtures.ts";
import { fixture } from "./fixture.ts";
import { tableOf } from "./item-table.ts";

type Item = Record<string, AttributeValue>;

const FULL: Head = {
  version: 7,
  inline: new Map([
    ["balance", "[70]"],
    ["owner", '[{"name":1},"Ann"]'],
  ]),
  spilled: true,
  generation: 2,
  swept: 1,
  mark: { queue: "q1Xy_-9a", sequence: "18849000000000000007" },
  settled: new Map([
    ["e7", "0123456789ab+[70]"],
    ["=key", '0123456789ab-{"name":"ActorMethodError","message":"no"}'],
    ["=long", "@=long.x1:2:1790003600"],
  ]),
  outbox: [
    '{"v":2,"id":"=m1","attempt":"a1","type":"Audit","name":"all","method":"note","args":"[[1],5]","fingerprint":"0123456789ab","oneWay":true,"deadline":9007199254740991}',
  ],
  alarm: { at: 1_790_000_000_123, retries: 1 },
  wake: { at: 1_790_000_000_000, version: 6 },
  trial: { id: "=key", starts: 2 },
};
const NONE = { outbox: [], alarm: undefined, wake: undefined, trial: undefined };

/** What each form could hold. Outcomes of the first had no fingerprint. */
const BY_FORMAT: readonly [number, Head][] = [
  [1, { ...FULL, ...NONE, settled: new Map([["e7", "+[70]"]]) }],
  [2, { ...FULL, ...NONE, outbox: FULL.outbox }],
  [3, { ...FULL, trial: undefined }],
  [4, FULL],
];

const heads = (format: number) => fixture<{ full: Item; empty: Item }>(`head-${format}`);

const storeOn = (items: readonly Item[]) => {
  const { client, requests, items: all } = tableOf(items);
  const store = createDynamoStore({
    client,
    table: "actors",
    ids: { next: () => "p2" },
    clock: new StepClock(),
  });
  return { store, requests, all };
};
const id = { type: "Account", name: "ann" };
const newer = (item: Item): Item => ({ ...item, format: { N: `${HEAD_FORMAT.newest + 1}` } });

test("I25: there is a head of every form that can be read", () => {
  const { oldest, newest } = HEAD_FORMAT;
  expect(BY_FORMAT.map(([format]) => format)).toEqual(
    Array.from({ length: newest - oldest + 1 }, (_, index) => oldest + index),
  );
});

test.each(BY_FORMAT)("I25: a head of format %i is read as it was meant", (format, head) => {
  const { full, empty } = heads(format);
  expect(full.format).toEqual({ N: `${format}` });
  expect(headFromItem(full)).toEqual(head);
  expect(headFromItem(empty)).toEqual({ ...NEW_HEAD, version: 1 });
});

test("what is written now is the newest of them, to the letter: another form needs another number", () => {
  const { full, empty } = heads(HEAD_FORMAT.written);
  expect(headToItem(FULL)).toEqual(full);
  expect(headToItem({ ...NEW_HEAD, version: 1 })).toEqual(empty);
});

test("I25: a mark within a message is read, and written, as an attribute that others may leave out", () => {
  const { mark } = fixture<{ mark: AttributeValue }>("message-3");
  const { full } = heads(HEAD_FORMAT.written);
  const head = headFromItem({ ...full, mark });
  expect(head.mark).toEqual({ queue: "queue-1", sequence: "18849496460467696128", index: 2 });
  expect(headToItem(head)).toEqual({ ...full, mark });
});

test("I25: a journal that a worker of before left behind is applied, all of it", async () => {
  const { items } = fixture<{ items: Item[] }>("journal-4");
  const { store, all } = storeOn(items);
  const head = await store.hydrate(id);
  expect(head).toMatchObject({ version: 1, inline: new Map([["count", "[100]"]]) });
  const range = { generation: 0, from: "", to: undefined, reverse: false, limit: 1000 };
  const { entries } = await store.listEntries(id, range);
  expect(entries).toEqual(
    Array.from({ length: 100 }, (_, index) => [`k${String(index).padStart(3, "0")}`, `[${index}]`]),
  );
  expect(all().filter(({ entry }) => entry?.S?.startsWith("j/"))).toEqual([]);
});

test("I25: a head of a newer form is refused after one read: nothing is written, nor is a journal applied that it names", async () => {
  const { items } = fixture<{ items: Item[] }>("journal-4");
  const ahead = items.map((item) => (item.entry?.S === "head" ? newer(item) : item));
  const { store, requests, all } = storeOn(ahead);
  const refusal = await Promise.resolve(store.hydrate(id)).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ActorFormatError);
  expect((refusal as Error).message).toBe(
    "a stored head has the format 5, and this version of stateful-actors reads up to 4: deploy the newer version again",
  );
  expect(requests).toEqual(["GetItemCommand"]);
  expect(all()).toEqual(ahead);
});

test("I25: a worker that has read the head before it became newer can't write over it", async () => {
  const { empty } = heads(4);
  const key = { actor: { S: "Account/ann" }, entry: { S: "head" } };
  const { store, all } = storeOn([{ ...key, ...newer(empty), version: { N: "2" } }]);
  const late = { id, expected: 1, head: { ...NEW_HEAD, version: 2 }, entries: new Map() };
  expect(await store.commit(late)).toEqual({ status: "fenced" });
  expect(all()).toMatchObject([{ format: { N: "5" }, version: { N: "2" } }]);
});
