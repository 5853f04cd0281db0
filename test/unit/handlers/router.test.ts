import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRouterHandler } from "../../../handlers/router.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import { FINGERPRINT } from "../core/fixtures.ts";

class Greeter extends StatefulActor {
  async greet() {}
}

const sqs = mockClient(SQSClient);
const listeners = process.listeners("unhandledRejection");
const logged = vi.spyOn(console, "error");

beforeEach(() => {
  sqs.reset();
  vi.stubEnv("MAILBOX_URL", "http://127.0.0.1:1/mailbox.fifo");
  vi.stubEnv("DELAY_URL", "http://127.0.0.1:1/delay");
  vi.stubEnv("REPLY_TABLE", "replies");
  vi.stubEnv("REPLY_RETENTION_SECONDS", "60");
  vi.stubEnv("AWS_REGION", "us-east-1");
  logged.mockImplementation(() => {});
});
afterEach(() => {
  vi.unstubAllEnvs();
  process.removeAllListeners("unhandledRejection");
  for (const each of listeners) process.on("unhandledRejection", each);
});

/** What the router answers to an envelope of another program. */
function invoke(changes: Partial<Envelope> = {}) {
  const router = createRouterHandler({
    module: { Greeter },
    actors: [{ binding: "GREETER", type: "Greeter" }],
  });
  const envelope = encodeEnvelope({
    id: "=id",
    attempt: "a1",
    to: { type: "Greeter", name: "one" },
    call: { kind: "method", method: "greet", args: "[[]]" },
    fingerprint: FINGERPRINT,
    awaited: false,
    due: undefined,
    deadline: Number.MAX_SAFE_INTEGER,
    chain: [],
    ...changes,
  });
  return router({ envelope, sentAt: Date.now() }, {} as Parameters<typeof router>[1]);
}

test("a one-way message is in the mailbox when the router says that it is sent", async () => {
  sqs.on(SendMessageCommand).resolves({});
  expect(await invoke()).toEqual({ sent: true });
  const inputs = sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input);
  expect(inputs).toMatchObject([
    { QueueUrl: "http://127.0.0.1:1/mailbox.fifo", MessageDeduplicationId: "a1" },
  ]);
});

test.each<[string, Partial<Envelope>, string]>([
  ["an unknown type", { to: { type: "Nobody", name: "a" } }, "ActorUnknownTypeError"],
  ["an unknown method", { call: { kind: "method", method: "x", args: "[]" } }, "ActorUnknownMethodError"],
  ["a bad id", { id: "a b" }, "EnvelopeError"],
])("%s is answered by name, and nothing is sent", async (_, changes, name) => {
  expect(await invoke(changes)).toEqual({ error: { name, message: expect.any(String) } });
  expect(sqs.commandCalls(SendMessageCommand)).toEqual([]);
});

test("what the mailbox says stays inside: the caller learns that it is unknown", async () => {
  sqs.on(SendMessageCommand).rejects(new Error("arn:aws:sqs is not authorized"));
  expect(await invoke()).toEqual({
    error: {
      name: "ActorCallTimeoutError",
      message: "the mailbox or the reply of Greeter.greet was out of reach; it may still run (envelope =id)",
    },
  });
});
