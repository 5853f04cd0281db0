import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { turnAway } from "../../../handlers/front-door.ts";
import { RequestRoom } from "../../../handlers/request-room.ts";

const BOUNDS = { requests: 3, bodyBytes: 100, unknownBodyBytes: 60 };

/** Requests that come into a room; each of them can be ended. */
function start() {
  const room = new RequestRoom(BOUNDS);
  const come = (headers: Record<string, string> = {}) => {
    const response = new EventEmitter();
    const taken = room.enter(
      { headers } as unknown as IncomingMessage,
      response as unknown as ServerResponse,
    );
    return { taken, end: () => response.emit("close") };
  };
  return { come };
}

test("I18: so many requests have a place, until their responses are closed", () => {
  const { come } = start();
  const [first] = [come(), come(), come()];
  expect(come().taken).toBe(false);
  first.end();
  expect([come().taken, come().taken]).toEqual([true, false]);
});

test("I18: so many bytes of bodies have a place; one of unknown length counts as the largest", () => {
  const { come } = start();
  const first = come({ "content-length": "50" });
  const chunked = () => come({ "transfer-encoding": "chunked" });
  expect(chunked().taken).toBe(false);
  expect(come({ "content-length": "50" }).taken).toBe(true);
  expect(come({ "content-length": "1" }).taken).toBe(false);
  expect(come().taken).toBe(true);
  first.end();
  expect(chunked().taken).toBe(false);
  expect(come({ "content-length": "50" }).taken).toBe(true);
});

test("a length that lies above every limit is refused elsewhere, and takes no more than the largest body", () => {
  const { come } = start();
  expect(come({ "content-length": "99999999999" }).taken).toBe(true);
  expect(come({ "content-length": "40" }).taken).toBe(true);
  expect(come({ "content-length": "none" }).taken).toBe(true);
});

test("who is turned away is told when to come again, in the form of every refusal", async () => {
  const answer = await turnAway(new Request("http://door/", { method: "POST", body: "x" }));
  expect([answer.status, answer.headers.get("retry-after"), answer.headers.get("connection")]).toEqual([
    503,
    "1",
    null,
  ]);
  expect(await answer.json()).toEqual({
    error: {
      name: "ActorOverloadedError",
      message: "the server has as many requests under way as it can hold; ask again a little later",
    },
  });
});
