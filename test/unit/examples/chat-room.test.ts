import { expect, test } from "vitest";
import { ChatRoom } from "../../../examples/chat-room/src/index.ts";
import { start } from "../testing/start.ts";

test("members see the same messages in the same order, a page at a time", async () => {
  const actors = await start({ ChatRoom }, { now: new Date("2030-01-31T12:00:00Z") });
  const room = actors.namespace(ChatRoom).idFromName("lobby");
  expect(await room.join("bob")).toEqual(["bob"]);
  expect(await room.join("ann")).toEqual(["ann", "bob"]);
  await Promise.all(Array.from({ length: 60 }, (_, n) => room.say(n % 2 ? "ann" : "bob", `line ${n}`)));
  const newest = await room.history();
  expect(newest.map(({ number }) => number)).toEqual(Array.from({ length: 50 }, (_, n) => n + 11));
  expect(newest[0]?.at).toEqual(new Date("2030-01-31T12:00:00Z"));
  const older = await room.history(newest[0]?.number);
  expect(older.map(({ number }) => number)).toEqual(Array.from({ length: 10 }, (_, n) => n + 1));
  expect(new Set([...older, ...newest].map(({ text }) => text)).size).toBe(60);
});

test("who left, or never came, says nothing", async () => {
  const actors = await start({ ChatRoom });
  const room = actors.namespace(ChatRoom).idFromName("lobby");
  await room.join("ann");
  expect([await room.leave("ann"), await room.leave("ann")]).toEqual([true, false]);
  await expect(room.say("ann", "still here?")).rejects.toThrow("ann is not in this room; join it first");
  expect(await room.history()).toEqual([]);
});

test("a room keeps the last thousand messages", async () => {
  const actors = await start({ ChatRoom });
  const room = actors.namespace(ChatRoom).idFromName("lobby");
  await room.join("ann");
  for (let number = 1; number <= 1_003; number++) await room.say("ann", "again");
  expect((await room.history(54))[0]?.number).toBe(4);
});
