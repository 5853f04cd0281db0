import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { awsClients, awsRoute, ownAddress } from "../../../handlers/aws-routes.ts";
import { shardCount } from "../../../handlers/environment.ts";
import { createForwarderHandler } from "../../../handlers/forwarder.ts";
import { shardOf, shardUrl } from "../../../runtime/adapters/aws/mailbox-shards.ts";
import { encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { awaitedCall } from "../adapters/envelopes.ts";

const URL = "http://127.0.0.1:1/1/bank.fifo";
const sqs = mockClient(SQSClient);
const names = ["alice", "bob", "carol", "dave", "erin"];
const calls = names.map((name) => awaitedCall(name, `id-${name}`, Number.MAX_SAFE_INTEGER));
const shards = calls.map(({ to }) => shardUrl(URL, shardOf(to, 4)));

beforeEach(() => {
  sqs.reset();
  sqs.on(SendMessageCommand).resolves({});
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("MAILBOX_URL", URL);
  vi.stubEnv("DELAY_URL", "http://127.0.0.1:1/1/delay");
  vi.stubEnv("REPLY_TABLE", "replies");
  vi.stubEnv("REPLY_RETENTION_SECONDS", "60");
});
afterEach(() => void vi.unstubAllEnvs());

/** The queues of what was sent, in order. */
const queues = () => sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input.QueueUrl);

test("these instances have their mailboxes in different queues", () => {
  expect(new Set(shards).size).toBeGreaterThan(1);
});

test("router and worker send to the shard of each instance, as their environment says", async () => {
  vi.stubEnv("MAILBOX_SHARDS", "4");
  const own = ownAddress();
  const { mailbox } = awsRoute(awsClients(), own, own);
  for (const call of calls) await mailbox.send(call);
  expect(queues()).toEqual(shards);
});

test("a bound function does so as its bindings say, and to the one queue when they say nothing", async () => {
  const address = { mailbox: URL, delay: "http://127.0.0.1:1/1/delay", replies: "replies" };
  for (const each of [{ ...address, shards: "4" }, address]) {
    const { mailbox } = awsRoute(awsClients(), each, { retentionMs: 0 });
    for (const call of calls) await mailbox.send(call);
  }
  expect(queues()).toEqual([...shards, ...calls.map(() => URL)]);
});

test("the forwarder does so with what is due", async () => {
  vi.stubEnv("MAILBOX_SHARDS", "4");
  const forward = createForwarderHandler();
  for (const call of calls) {
    const body = encodeEnvelope({ ...call, due: 1 });
    expect(await forward({ Records: [{ messageId: "m", body } as never] })).toEqual({
      batchItemFailures: [],
    });
  }
  expect(queues()).toEqual(shards);
});

test.each(["0", "1.5", "two", "-1"])(
  "a count of %s queues is refused: calls would be lost from sight",
  (count) => {
    expect(() => shardCount(count)).toThrow(
      `a count of mailbox queues must be a whole number from 1, not "${count}"`,
    );
  },
);
