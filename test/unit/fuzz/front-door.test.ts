import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createEnvelopeDoor } from "../../../handlers/envelope-door.ts";
import { createFrontDoor } from "../../../handlers/front-door.ts";
import { ENVELOPE_TYPE, SENT_AT_HEADER } from "../../../runtime/adapters/http/envelope-protocol.ts";
import { createLocalMailbox } from "../../../runtime/adapters/local/local-mailbox.ts";
import { createLocalReplies } from "../../../runtime/adapters/local/local-replies.ts";
import { createMemoryMessages } from "../../../runtime/adapters/local/memory-messages.ts";
import { systemClock } from "../../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../../runtime/adapters/system/ids.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { createCaller, onlyRoute } from "../../../runtime/core/caller.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import type { Env } from "../../../runtime/core/stateful-actor.ts";
import { FINGERPRINT, testDeps, UNLIMITED } from "../core/fixtures.ts";
import { inherited, jsonValue, LOADED_NAMES, loadedName, mutated, SEED } from "./hostile.ts";
import { breaches, GUARDED, PUBLIC, Vault } from "./vault.ts";

const REFUSALS =
  /^(BadRequestError|NotFoundError|MethodNotAllowedError|PayloadTooLargeError|ActorUnknownTypeError|ActorUnknownMethodError|ActorPrivateMethodError|ActorNameError|ActorCallOptionError|ActorIdempotencyError|CodecError)$/;

/** The whole system in memory, on real time: the door, the caller, mailboxes, turns. */
function start() {
  const clock = systemClock;
  const problems: string[] = [];
  const telemetry = { problem: (what: string) => void problems.push(what), count: () => {} };
  const replies = createLocalReplies(clock);
  const deps = { ...testDeps({ Vault }), clock, telemetry, replies };
  const mailbox = createLocalMailbox({
    queue: "q",
    consume: (id, deliveries) => runBatch(id, deliveries, { times: UNLIMITED, deps }),
    messages: createMemoryMessages(),
    clock,
    telemetry,
  });
  const routeTo = onlyRoute({ mailbox, replies }, new Set(["Vault"]));
  const actors = deps.actors;
  const door = createFrontDoor({
    handler: undefined,
    env: {} as Env,
    types: new Set(["Vault"]),
    caller: createCaller({ actors, routeTo, clock, ids: randomIds, callWaitMs: 5000 }),
    envelopes: createEnvelopeDoor({ actors, routeTo, clock, requestWaitMs: 5000 }),
    requestWaitMs: 5000,
    clock,
    telemetry,
  });
  const send = async (request: Request) => {
    const response = await door.fetch(request);
    const text = await response.text();
    return { status: response.status, text };
  };
  return { send, problems, mailbox };
}

/** An answer is a result, or a refusal that names what is wrong; never the server's own failure. */
function check({ status, text }: { status: number; text: string }) {
  expect([200, 202, 400, 403, 404, 405, 413, 422, 500]).toContain(status);
  if (status < 300) return;
  const { error } = JSON.parse(text) as { error: { name: string; message: string } };
  expect(error.name).toMatch(REFUSALS);
  expect(error.message.length).toBeGreaterThan(10);
  // Only a result that JSON can't show is the server's to answer for.
  if (status === 500) expect(error.name).toBe("CodecError");
}

const stray: unknown[] = [];
const note = (reason: unknown) => void stray.push(reason);
beforeAll(() => void process.on("unhandledRejection", note));
afterAll(() => {
  process.off("unhandledRejection", note);
  expect(stray).toEqual([]);
});
beforeEach(() => {
  breaches.length = 0;
});

const header = fc.oneof(
  fc.constantFrom("", " ", "a,b", "respond-async", "wait=1, respond-async", "=k", "=".repeat(300), "e1", "é"),
  fc.string({ maxLength: 60 }),
);
const headers = fc.dictionary(
  fc.constantFrom(
    "idempotency-key",
    "envelope-id",
    "prefer",
    "content-type",
    "content-length",
    "content-encoding",
    "x-http-method-override",
    "actors-sent-at",
    "x-original-url",
  ),
  fc.oneof(header, fc.constantFrom("0", "1", "99999999999", "-1", "NaN", "gzip")),
  { maxKeys: 4 },
);
const name = fc.oneof(loadedName, fc.constantFrom("alice", "bob"));
const method = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...PUBLIC) },
  { weight: 3, arbitrary: fc.constantFrom(...GUARDED, ...LOADED_NAMES) },
  { weight: 1, arbitrary: loadedName },
);
const body = fc.oneof(
  fc.constant(undefined),
  fc.array(jsonValue, { maxLength: 3 }).map((args) => JSON.stringify(args)),
  mutated(fc.constant('[{"__proto__":{"polluted":1},"a":[1,2]},"x"]')),
  fc.constantFrom(
    '[{"a":1,"a":2}]',
    "{}",
    "null",
    "[",
    "[1]]",
    "\ufeff[1]",
    `[${"[".repeat(2000)}${"]".repeat(2000)}]`,
  ),
  fc.uint8Array({ maxLength: 50 }),
);

/** A request as fetch builds it; `undefined` where it builds none. */
function built(url: string, init: RequestInit): Request | undefined {
  try {
    return new Request(url, init);
  } catch {
    return undefined;
  }
}

const escaped = (text: string) =>
  encodeURIComponent(text.toWellFormed()).replace(/^\.{1,2}$/, (dots) => dots.replaceAll(".", "%2E"));

test("I20: calls reach public methods of the instance that is named, and nothing else, whatever is in path, headers and body", async () => {
  const before = inherited();
  const { send, problems } = start();
  let served = 0;
  await fc.assert(
    fc.asyncProperty(name, method, headers, body, async (instance, called, given, text) => {
      const request = built(`http://door/Vault/${escaped(instance)}/${escaped(called)}`, {
        method: "POST",
        headers: given,
        ...(text !== undefined && { body: text as string }),
      });
      if (!request) return;
      const answer = await send(request);
      check(answer);
      if (answer.status !== 200) return;
      served++;
      expect(PUBLIC).toContain(called);
      if (
        called === "whoami" &&
        given["idempotency-key"] === undefined &&
        given["envelope-id"] === undefined
      ) {
        expect(JSON.parse(answer.text)).toBe(instance.toWellFormed());
      }
    }),
    { numRuns: 2500, seed: SEED },
  );
  expect(served).toBeGreaterThan(300);
  expect(breaches).toEqual([]);
  expect(problems.filter((what) => what !== "turn failed")).toEqual([]);
  expect(inherited()).toBe(before);
});

test("I20: any path, of any method, is answered in one form", async () => {
  const { send } = start();
  const part = fc.oneof(
    loadedName.map(escaped),
    fc.constantFrom(
      "Vault",
      "%2e%2e",
      "..%2f",
      "%00",
      "%ff",
      "%",
      "%zz",
      "//",
      "..",
      "~root",
      "C:",
      "__actors",
      "envelopes",
    ),
    fc.string({ maxLength: 10 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 6 }),
      fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "post"),
      headers,
      async (parts, verb, given) => {
        const request = built(`http://door/${parts.join("/")}`, { method: verb, headers: given });
        if (request) check(await send(request));
      },
    ),
    { numRuns: 2000, seed: SEED },
  );
  expect(breaches).toEqual([]);
});

test("I20: the envelopes' path takes envelopes of public methods alone, and answers everything else by name", async () => {
  const { send } = start();
  // Times are meant by the sender's clock, whatever it shows.
  const sentAt = 1_800_000_000_000;
  const honest = encodeEnvelope({
    id: "e1",
    attempt: undefined,
    to: { type: "Vault", name: "alice" },
    call: { kind: "method", method: "whoami", args: "[[]]" },
    fingerprint: FINGERPRINT,
    awaited: true,
    due: undefined,
    deadline: sentAt + 4000,
    chain: [],
  });
  const args = fc.constantFrom(
    "[[]]",
    "[[-7,4294967295]]",
    "[[1],[2,2],[3,3],4]",
    "[",
    '[{"__proto__":1}]',
    "~[]",
  );
  const envelope = fc.oneof(
    mutated(fc.constant(honest)),
    fc
      .record({ id: fc.uuid(), name, method, args })
      .map((changes) => JSON.stringify({ ...JSON.parse(honest), ...changes })),
    fc.string(),
  );
  let served = 0;
  await fc.assert(
    fc.asyncProperty(envelope, headers, async (text, given) => {
      const request = built("http://door/__actors/envelopes", {
        method: "POST",
        headers: { "content-type": ENVELOPE_TYPE, [SENT_AT_HEADER]: String(sentAt), ...given },
        body: text,
      });
      if (!request) return;
      const answer = await send(request);
      expect([200, 202, 400, 403, 404, 413, 504]).toContain(answer.status);
      // A deadline that is over is one that was asked for.
      if (answer.status === 504) return;
      if (answer.status >= 300) expect(JSON.parse(answer.text).error.name).toMatch(REFUSALS);
      else served++;
    }),
    { numRuns: 1500, seed: SEED },
  );
  expect(served).toBeGreaterThan(50);
  expect(breaches.filter((each) => each !== "fetch")).toEqual([]);
});
