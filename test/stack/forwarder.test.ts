import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { createForwarderHandler } from "../../handlers/forwarder.ts";
import { createSqsMailbox } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { decodeEnvelope, encodeEnvelope } from "../../runtime/core/envelope.ts";
import type { Envelope } from "../../runtime/ports/mailbox.ts";
import { describeOnBoth } from "../endpoints/gate.ts";
import { makeDelayQueue, makeMailbox, receiveBatch, sqsAt, startEventSource } from "./event-source.ts";

const DEADLINE_MS = 120_000;

const envelope = (id: string, due?: number): Envelope => ({
  id,
  attempt: `${id}-1`,
  to: { type: "Account", name: "alice" },
  call: { kind: "method", method: "deposit", args: "[[1],10]" },
  fingerprint: "0123456789ab",
  awaited: false,
  due,
  deadline: Number.MAX_SAFE_INTEGER,
  chain: [],
});

describeOnBoth("the forwarder on real queues", ({ url }) => {
  const sqs = sqsAt(url);
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  const start = async () => {
    const mailboxUrl = await makeMailbox(sqs);
    const delayUrl = await makeDelayQueue(sqs);
    const environment = { AWS_ENDPOINT_URL: url, MAILBOX_URL: mailboxUrl, DELAY_URL: delayUrl };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    const forwarder = createForwarderHandler();
    return {
      mailbox: createSqsMailbox({ client: sqs, mailboxUrl, delayUrl, clock: systemClock }),
      forward: async (records: SQSRecord[]) => {
        const { batchItemFailures } = await forwarder({ Records: records });
        return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
      },
      /** The forwarder behind the delay queue, as in the stack, until the test ends. */
      startForwarder: () => {
        const source = startEventSource(sqs, { queueUrl: delayUrl, worker: forwarder });
        onTestFinished(() => source.stop());
      },
      /** Puts a text into the delay queue, to come out at once. */
      putDelayed: (body: string) =>
        sqs.send(new SendMessageCommand({ QueueUrl: delayUrl, MessageBody: body })),
      delayed: (count: number) => receive(delayUrl, count),
      inMailbox: (count: number) => receive(mailboxUrl, count),
    };
  };

  /** Receives until there are so many messages, or nothing more comes in time. */
  const receive = async (queueUrl: string, count: number): Promise<SQSRecord[]> => {
    const deadline = Date.now() + DEADLINE_MS;
    const records: SQSRecord[] = [];
    while (records.length < count && Date.now() < deadline)
      records.push(...(await receiveBatch(sqs, queueUrl)));
    return records;
  };
  const ids = (records: readonly SQSRecord[]) => records.map(({ body }) => decodeEnvelope(body).id);
  const sentAt = (record: SQSRecord | undefined) => Number(record?.attributes.SentTimestamp);

  test("a message that is due later comes into the mailbox as it was sent, and not before; others do not wait for it", async () => {
    const send = async (dueMs: number) => {
      const { mailbox, startForwarder, inMailbox } = await start();
      startForwarder();
      const later = envelope("later", Date.now() + dueMs);
      await mailbox.send(later);
      const others = { ...envelope("now"), to: { type: "Account", name: "bob" } };
      await mailbox.send(others);
      // A busy machine may have taken so long for the two that neither waits.
      const inTime = Date.now() < (later.due ?? 0);
      const records = await inMailbox(2);
      const [now, arrived] = ["now", "later"].map((id) => records.find((record) => ids([record])[0] === id));
      return { later, now, arrived, inTime };
    };
    let sent = await send(2_500);
    for (const dueMs of [10_000, 40_000]) if (!sent.inTime) sent = await send(dueMs);
    const { later, now, arrived, inTime } = sent;
    expect(inTime).toBe(true);
    expect(sentAt(now)).toBeLessThan(later.due ?? 0);
    expect(decodeEnvelope(arrived?.body ?? "")).toEqual(later);
    expect(sentAt(arrived)).toBeGreaterThanOrEqual(later.due ?? 0);
  });

  test("a message that comes out too early, as clocks differ, waits for the rest", async () => {
    const forwardEarly = async (dueMs: number) => {
      const { putDelayed, delayed, forward, startForwarder, inMailbox } = await start();
      const later = envelope("later", Date.now() + dueMs);
      await putDelayed(encodeEnvelope(later));
      expect(await forward(await delayed(1))).toEqual([]);
      // What comes out within a second of its time goes on at once, and a busy machine may have taken as long.
      const inTime = Date.now() < (later.due ?? 0) - 1_000;
      startForwarder();
      const [arrived] = await inMailbox(1);
      return { later, arrived, inTime };
    };
    let forwarded = await forwardEarly(3_500);
    for (const dueMs of [12_000, 45_000]) if (!forwarded.inTime) forwarded = await forwardEarly(dueMs);
    const { later, arrived, inTime } = forwarded;
    expect(inTime).toBe(true);
    expect(decodeEnvelope(arrived?.body ?? "")).toEqual(later);
    expect(sentAt(arrived)).toBeGreaterThanOrEqual(later.due ?? 0);
  });

  test("what is no envelope fails alone, and is reported", async () => {
    const { putDelayed, delayed, forward, inMailbox } = await start();
    const log = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    await putDelayed("no envelope");
    await putDelayed(encodeEnvelope(envelope("good")));
    const records = await delayed(2);
    const broken = records.filter(({ body }) => body === "no envelope").map(({ messageId }) => messageId);
    expect(await forward(records)).toEqual(broken);
    const lines = log.mock.calls.map(([line]) => String(line)).filter((line) => line.startsWith("{"));
    log.mockRestore();
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ EnvelopesRefused: 1 }),
      expect.objectContaining({ message: "message refused", messageId: broken[0] }),
    ]);
    expect(ids(await inMailbox(1))).toEqual(["good"]);
  });

  test("a message that is forwarded twice is in the mailbox once", async () => {
    const { mailbox, putDelayed, delayed, forward, inMailbox } = await start();
    await putDelayed(encodeEnvelope(envelope("twice", Date.now())));
    const records = await delayed(1);
    expect(await forward(records)).toEqual([]);
    expect(await forward(records)).toEqual([]);
    // A mailbox keeps order, so that a second copy would lie before this one.
    await mailbox.send(envelope("last"));
    expect(ids(await inMailbox(2))).toEqual(["twice", "last"]);
  });

  test("a second attempt at the same call is in the mailbox beside the first", async () => {
    const { mailbox, inMailbox } = await start();
    await mailbox.send({ ...envelope("=key"), attempt: "a1" });
    await mailbox.send({ ...envelope("=key"), attempt: "a2" });
    await mailbox.send({ ...envelope("=key"), attempt: "a2" });
    await mailbox.send(envelope("last"));
    expect(ids(await inMailbox(3))).toEqual(["=key", "=key", "last"]);
  });
});
