import { ReceiveMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse } from "aws-lambda";
import { expect, test } from "vitest";
import { startEventSource } from "../../stack/event-source.ts";

/** A queue that has a message each time; and how often it was asked for what. */
function queue({
  fails = () => false,
  worker = async () => ({ batchItemFailures: [] }),
}: {
  fails?: (what: "receive" | "delete", times: number) => boolean;
  worker?: () => Promise<SQSBatchResponse>;
}) {
  const asked = { receive: 0, delete: 0 };
  const send = async (command: object) => {
    const what = command instanceof ReceiveMessageCommand ? "receive" : "delete";
    asked[what]++;
    await new Promise(setImmediate);
    if (fails(what, asked[what])) throw new Error(`${what} failed`);
    return { Messages: [{ MessageId: String(asked.receive), ReceiptHandle: "r", Body: "" }] };
  };
  const client = { send } as unknown as SQSClient;
  return { asked, source: startEventSource(client, { queueUrl: "q", worker }) };
}

test.each(["receive", "delete"] as const)(
  "a %s that fails 20 times in a row ends an event source",
  async (bad) => {
    const { source } = queue({ fails: (what) => what === bad });
    await expect(source.ended).rejects.toThrow(`the queue 20 times in a row: Error: ${bad} failed`);
    await expect(source.stop()).rejects.toThrow(`${bad} failed`);
  },
);

test("one that fails now and then does not", async () => {
  const { asked, source } = queue({ fails: (what, times) => what === "delete" && times % 20 !== 0 });
  await expect.poll(() => asked.delete).toBeGreaterThan(100);
  await source.stop();
});

test("a function that throws is told of by stop", async () => {
  const { asked, source } = queue({
    worker: async () => {
      throw new Error("on purpose");
    },
  });
  await expect.poll(() => asked.receive).toBeGreaterThan(1);
  await expect(source.stop()).rejects.toThrow("the function failed: Error: on purpose");
});
