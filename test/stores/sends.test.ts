import { expect, test } from "vitest";
import { createSqsMailbox } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { decodeMessage } from "../../runtime/core/message.ts";
import { describeOnBoth } from "../endpoints/gate.ts";
import { makeDelayQueue, makeMailbox, receiveBatch, sqsAt } from "../stack/event-source.ts";
import { awaitedCall, oneWay } from "../unit/adapters/envelopes.ts";

/** Of calls: what has no deadline at all goes alone. */
const LATE = Number.MAX_SAFE_INTEGER - 1;

describeOnBoth("messages of one moment, on real queues", ({ url }) => {
  const start = async () => {
    const sqs = sqsAt(url);
    const requests: string[] = [];
    sqs.middlewareStack.add(
      (next, context) => (args) => {
        requests.push(String(context.commandName));
        return next(args);
      },
      { step: "initialize", name: "requests" },
    );
    const [mailboxUrl, delayUrl] = [await makeMailbox(sqs), await makeDelayQueue(sqs)];
    const began = systemClock.now();
    // Time stands still: what is due later is not due before it is sent.
    const clock = { ...systemClock, now: () => began };
    const mailbox = createSqsMailbox({ client: sqs, mailboxUrl, delayUrl, clock });
    /** What lies in a queue, by instance, in the order in which it comes. */
    const received = async (queueUrl: string, count: number) => {
      const ids = new Map<string, string[]>();
      for (let seen = 0; seen < count; ) {
        for (const { body } of await receiveBatch(sqs, queueUrl)) {
          for (const { id, to } of decodeMessage(body)) {
            seen++;
            ids.set(to.name, [...(ids.get(to.name) ?? []), id]);
          }
        }
      }
      return ids;
    };
    requests.length = 0;
    return { began, mailbox, mailboxUrl, delayUrl, requests, received };
  };
  const numbers = Array.from({ length: 5 }, (_, n) => n);

  test("I2: share a request, and those for one instance a message, and come in the order of their sending", async () => {
    const { mailbox, mailboxUrl, requests, received } = await start();
    await Promise.all(
      numbers.flatMap((n) => [
        mailbox.send(awaitedCall("a", `a${n}`, LATE)),
        mailbox.send(awaitedCall("b", `b${n}`, LATE)),
      ]),
    );
    expect(requests).toEqual(["SendMessageBatchCommand"]);
    const ids = await received(mailboxUrl, 10);
    expect(ids.get("a")).toEqual(numbers.map((n) => `a${n}`));
    expect(ids.get("b")).toEqual(numbers.map((n) => `b${n}`));
  });

  test("I2: keep their order from request to request", async () => {
    const { mailbox, mailboxUrl, requests, received } = await start();
    const ids = Array.from({ length: 9 }, (_, n) => `a${n}`);
    const sending = ids.slice(0, 1).map((id) => mailbox.send(awaitedCall("a", id, LATE)));
    // By now the first one is under way, alone.
    await systemClock.idle();
    await systemClock.idle();
    sending.push(...ids.slice(1).map((id) => mailbox.send(awaitedCall("a", id, LATE))));
    await Promise.all(sending);
    // What has gathered is one message.
    expect(requests).toEqual(["SendMessageCommand", "SendMessageCommand"]);
    expect((await received(mailboxUrl, 9)).get("a")).toEqual(ids);
  });

  test("I2: those that nobody waits for are messages of their own, between packs", async () => {
    const { mailbox, mailboxUrl, requests } = await start();
    const ids = Array.from({ length: 30 }, (_, n) => `a${n}`);
    await Promise.all(
      ids.map((id, n) => mailbox.send(n === 10 ? oneWay("a", id) : awaitedCall("a", id, LATE))),
    );
    expect(requests).toEqual(["SendMessageBatchCommand"]);
    const bodies: string[][] = [];
    for (let seen = 0; seen < 30; seen = bodies.flat().length) {
      const records = await receiveBatch(sqsAt(url), mailboxUrl);
      bodies.push(...records.map(({ body }) => decodeMessage(body).map(({ id }) => id)));
    }
    expect(bodies.flat()).toEqual(ids.with(10, "=a10"));
    expect(bodies.map(({ length }) => length)).toEqual([10, 1, 19]);
  });

  test("that are not due yet share a request to the delay queue, each with its own delay", async () => {
    const { began, mailbox, delayUrl, requests, received } = await start();
    const due = began + 900;
    await Promise.all(numbers.map((n) => mailbox.send({ ...awaitedCall(`n${n}`, `e${n}`, LATE), due })));
    expect(requests).toEqual(["SendMessageBatchCommand"]);
    expect((await received(delayUrl, 5)).size).toBe(5);
  });
});
