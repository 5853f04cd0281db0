import type { SendMessageCommandInput, SQSClient } from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { createSqsSender } from "../../../runtime/adapters/aws/sqs-sender.ts";
import { encodePack, PACK_BYTES, PACK_ENVELOPES } from "../../../runtime/core/message.ts";
import type { ActorId } from "../../../runtime/ports/mailbox.ts";
import { StepClock } from "../core/fixtures.ts";

interface Entry {
  readonly Id?: string;
  readonly MessageBody?: string;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

/** What one request answers: failures by body; an error fails it as a whole. */
interface Answer {
  readonly failed?: Readonly<Record<string, { Code: string; SenderFault: boolean }>>;
  readonly silentOn?: string;
  readonly error?: Error;
}

/** A queue whose requests end when they are told to; each is the list of its bodies. */
function start() {
  const clock = new StepClock();
  const requests: string[][] = [];
  const entriesOf: Entry[][] = [];
  const pending: ((answer: Answer) => void)[] = [];
  const send = ({ input }: { input: Entry & { readonly Entries?: Entry[] } }) => {
    const entries = input.Entries ?? [input];
    requests.push(entries.map(({ MessageBody = "" }) => MessageBody));
    entriesOf.push(entries);
    return new Promise((resolve, reject) => {
      pending.push(({ failed = {}, silentOn, error }) => {
        if (error) return reject(error);
        const told = entries.filter(({ MessageBody }) => MessageBody !== silentOn);
        const isFailed = ({ MessageBody = "" }: Entry) => MessageBody in failed;
        resolve({
          Successful: told.filter((entry) => !isFailed(entry)).map(({ Id }) => ({ Id })),
          Failed: told
            .filter(isFailed)
            .map(({ Id, MessageBody = "" }) => ({ Id, Message: "said SQS", ...failed[MessageBody] })),
        });
      });
    });
  };
  const sender = createSqsSender({ client: { send } as unknown as SQSClient, clock });
  /** The end of each message, by body: `sent`, or the reason why not. */
  const ends: Record<string, string> = {};
  const hand = (
    body: string,
    input: Partial<SendMessageCommandInput> = { MessageGroupId: body[0] ?? "" },
    packable?: ActorId,
  ) => {
    sender({ QueueUrl: "https://sqs/q.fifo", MessageBody: body, ...input }, packable).then(
      () => {
        ends[body.slice(0, 8)] = "sent";
      },
      (error: Error) => {
        ends[body.slice(0, 8)] = error.message;
      },
    );
  };
  return {
    clock,
    requests,
    entriesOf,
    ends,
    hand,
    /** A message that may share one with others for instance `name`, in the group of that name. */
    handPackable(body: string, name = body[0] ?? "") {
      hand(body, { MessageGroupId: name, MessageDeduplicationId: body.slice(0, 8) }, { type: "T", name });
    },
    /** Answers the requests under way, the oldest first, and lets go on what waited. */
    async answer(...answers: Answer[]) {
      for (const each of answers) pending.shift()?.(each);
      await clock.advance(0);
    },
  };
}

const bodies = (group: string, count: number, from = 1) =>
  Array.from({ length: count }, (_, n) => `${group}${n + from}`);

describe("messages of one moment", () => {
  test("share requests of ten, in order; one alone is a plain request", async () => {
    const { hand, answer, requests, ends } = start();
    for (const body of [...bodies("a", 3), ...bodies("b", 2), ...bodies("c", 6)]) hand(body);
    await answer();
    // c6 would not fit any more; its group waits for the request that has its others.
    expect(requests).toEqual([["a1", "a2", "a3", "b1", "b2", "c1", "c2", "c3", "c4", "c5"]]);
    await answer({});
    expect(requests[1]).toEqual(["c6"]);
    expect(ends).not.toHaveProperty("c6");
    await answer({});
    expect(Object.values(ends)).toEqual(Array.from({ length: 11 }, () => "sent"));
  });

  test("of 40 instances leave in four requests at once", async () => {
    const { hand, answer, requests } = start();
    for (let n = 0; n < 40; n++) hand(`m${n}`, { MessageGroupId: `g${n}` });
    await answer();
    expect(requests.map((each) => each.length)).toEqual([10, 10, 10, 10]);
  });

  test("of a queue without groups wait for nothing", async () => {
    const { hand, answer, requests } = start();
    for (const body of bodies("d", 12)) hand(body, { DelaySeconds: 5 });
    await answer();
    hand("d13", {});
    await answer();
    expect(requests.map((each) => each.length)).toEqual([10, 2, 1]);
  });

  test("go to their own queues", async () => {
    const { hand, answer, requests } = start();
    hand("a1", { QueueUrl: "https://sqs/one", MessageGroupId: "a" });
    hand("a2", { QueueUrl: "https://sqs/two", MessageGroupId: "a" });
    await answer();
    expect(requests).toEqual([["a1"], ["a2"]]);
  });

  test("that are long go in several requests", async () => {
    const { hand, answer, requests } = start();
    for (const group of ["a", "b", "c"]) hand(`${group}${"x".repeat(120 * 1024)}`, { MessageGroupId: group });
    await answer();
    expect(requests.map((each) => each.map((body) => body[0]))).toEqual([["a", "b"], ["c"]]);
  });
});

describe("the order of a group", () => {
  test("I2: what is handed over while a request of its instance is under way waits, and shares the next", async () => {
    const { hand, answer, requests, ends } = start();
    hand("a1");
    await answer();
    for (const body of bodies("a", 12, 2)) hand(body);
    hand("b1");
    await answer();
    // Another instance does not wait.
    expect(requests).toEqual([["a1"], ["b1"]]);
    await answer({}, {});
    expect(requests[2]).toEqual(bodies("a", 10, 2));
    await answer({});
    expect(requests[3]).toEqual(["a12", "a13"]);
    await answer({});
    expect(Object.keys(ends)).toEqual(["a1", "b1", ...bodies("a", 12, 2)]);
  });

  test("I2: no later message overtakes one that did not fit", async () => {
    const { hand, answer, requests } = start();
    const long = `a1${"x".repeat(200 * 1024)}`;
    hand("b1");
    hand(`b2${"x".repeat(100 * 1024)}`, { MessageGroupId: "b" });
    hand(long, { MessageGroupId: "a" });
    hand("a2");
    await answer();
    expect(requests.map((each) => each.map((body) => body.slice(0, 2)))).toEqual([
      ["b1", "b2"],
      ["a1", "a2"],
    ]);
  });

  test("I2: a message that SQS did not accept for its own fault is tried again before those behind it", async () => {
    const { clock, hand, answer, requests, ends } = start();
    hand("a1");
    hand("b1");
    await answer();
    hand("a2");
    await answer({ failed: { a1: { Code: "InternalError", SenderFault: false } } });
    expect(ends).toEqual({ b1: "sent" });
    await clock.advance(100);
    expect(requests.slice(1)).toEqual([["a1"]]);
    await answer({});
    expect(requests.slice(2)).toEqual([["a2"]]);
    await answer({});
    expect(ends).toEqual({ b1: "sent", a1: "sent", a2: "sent" });
    expect(clock.pending).toBe(0);
  });
});

describe("I2: a message that SQS did not accept, with others of its instance behind it in the same request", () => {
  const ownFault = { Code: "InternalError", SenderFault: false };

  test("is not sent again after them: it has failed", async () => {
    const { clock, hand, answer, requests, ends } = start();
    for (const body of ["a1", "a2", "b1"]) hand(body);
    await answer();
    await answer({ failed: { a1: ownFault } });
    await clock.advance(1_000);
    expect(requests).toHaveLength(1);
    expect(ends).toEqual({
      a1: "SQS did not take the message: InternalError: said SQS",
      a2: "sent",
      b1: "sent",
    });
  });

  test("is sent again before them when they did not arrive either", async () => {
    const { clock, hand, answer, requests, ends } = start();
    for (const body of ["a1", "a2", "a3", "b1"]) hand(body);
    await answer();
    await answer({ failed: { a2: ownFault, a3: ownFault, b1: ownFault } });
    await clock.advance(100);
    await answer({});
    expect(requests.slice(1)).toEqual([["a2", "a3", "b1"]]);
    expect(ends).toEqual({ a1: "sent", a2: "sent", a3: "sent", b1: "sent" });
  });
});

describe("each message has its own end", () => {
  test("one that is refused fails alone, with what SQS says", async () => {
    const { hand, answer, ends } = start();
    for (const body of ["a1", "b1", "c1"]) hand(body);
    await answer();
    await answer({ failed: { b1: { Code: "InvalidMessageContents", SenderFault: true } } });
    expect(ends).toEqual({
      a1: "sent",
      b1: "SQS did not take the message: InvalidMessageContents: said SQS",
      c1: "sent",
    });
  });

  test("one that SQS says nothing about is not taken for sent", async () => {
    const { hand, answer, ends } = start();
    for (const body of ["a1", "b1"]) hand(body);
    await answer();
    await answer({ silentOn: "a1" });
    expect(ends.a1).toBe("SQS did not take the message: it is in no part of the answer");
    expect(ends.b1).toBe("sent");
  });

  test("one before a message of its group that SQS says nothing about is not sent again: it might come after that", async () => {
    const { hand, answer, requests, ends } = start();
    for (const body of ["a1", "a2"]) hand(body);
    await answer();
    await answer({ failed: { a1: { Code: "InternalError", SenderFault: false } }, silentOn: "a2" });
    expect(ends.a1).toBe("SQS did not take the message: InternalError: said SQS");
    expect(ends.a2).toBe("SQS did not take the message: it is in no part of the answer");
    expect(requests.flat().filter((body) => body === "a1")).toHaveLength(1);
  });

  test("SQS's own fault is not tried for ever", async () => {
    const { clock, hand, answer, requests, ends } = start();
    const failed = {
      a1: { Code: "InternalError", SenderFault: false },
      b1: { Code: "InternalError", SenderFault: false },
    };
    for (const body of ["a1", "b1"]) hand(body);
    for (let tries = 0; tries < 4; tries++) {
      await clock.advance(10_000);
      await answer({ failed });
    }
    expect(requests.length).toBe(4);
    expect(ends.a1).toBe("SQS did not take the message: InternalError: said SQS");
    expect(clock.pending).toBe(0);
  });

  test("a lost connection leaves all of a request unknown, and what waited behind it goes on", async () => {
    const { hand, answer, requests, ends } = start();
    for (const body of ["a1", "b1"]) hand(body);
    await answer();
    hand("a2");
    await answer({ error: new Error("socket hang up") });
    expect(ends).toEqual({ a1: "socket hang up", b1: "socket hang up" });
    expect(requests[1]).toEqual(["a2"]);
  });

  test("a request that is refused as a whole is sent message by message: only what is not allowed fails", async () => {
    const { hand, answer, requests, ends } = start();
    const refused = Object.assign(new Error("one of them"), {
      name: "InvalidMessageContents",
      $fault: "client",
    });
    for (const body of ["a1", "b1", "a2"]) hand(body);
    await answer();
    await answer({ error: refused });
    await answer({ error: refused });
    await answer({});
    await answer({});
    expect(requests.slice(1)).toEqual([["a1"], ["b1"], ["a2"]]);
    expect(ends).toEqual({ a1: "one of them", b1: "sent", a2: "sent" });
  });

  test("what is throttled is not multiplied", async () => {
    const { hand, answer, requests, ends } = start();
    const throttled = Object.assign(new Error("slow down"), { name: "RequestThrottled", $fault: "client" });
    for (const body of ["a1", "b1"]) hand(body);
    await answer();
    await answer({ error: throttled });
    expect(requests.length).toBe(1);
    expect(ends).toEqual({ a1: "slow down", b1: "slow down" });
  });
});

describe("calls of one instance that wait together", () => {
  const a = { type: "T", name: "a" };
  const ownFault = { Code: "InternalError", SenderFault: false };
  const sent = (count: number) => Array.from({ length: count }, () => "sent");

  test("I2: share a message, in order; one alone is what it would be anyway, and waits for nothing", async () => {
    const { handPackable, hand, answer, requests, entriesOf, ends } = start();
    handPackable("a1");
    await answer();
    expect(entriesOf[0]).toEqual([
      {
        QueueUrl: "https://sqs/q.fifo",
        MessageBody: "a1",
        MessageGroupId: "a",
        MessageDeduplicationId: "a1",
      },
    ]);
    for (const body of ["a2", "a3", "a4"]) handPackable(body);
    hand("b1");
    await answer();
    await answer({}, {});
    expect(requests.slice(1)).toEqual([["b1"], [encodePack(a, ["a2", "a3", "a4"])]]);
    expect(ends).not.toHaveProperty("a2");
    await answer({});
    expect(ends).toEqual({ a1: "sent", b1: "sent", a2: "sent", a3: "sent", a4: "sent" });
  });

  test("share a request with messages of others, ten messages in all", async () => {
    const { handPackable, answer, requests, ends } = start();
    for (let n = 0; n < 12; n++) for (const group of ["a", "b"]) handPackable(`${group}${n}`);
    for (let n = 0; n < 9; n++) handPackable(`${n}x`);
    await answer();
    const [first = [], second = []] = requests;
    expect(first.slice(0, 2)).toEqual([
      encodePack(a, bodies("a", 12, 0)),
      encodePack({ type: "T", name: "b" }, bodies("b", 12, 0)),
    ]);
    expect([first.length, second.length]).toEqual([10, 1]);
    await answer({}, {});
    expect(Object.values(ends)).toEqual(sent(33));
  });

  test("I2: are as many as a pack holds, and go on in the next one of the same request", async () => {
    const { handPackable, answer, requests, entriesOf, ends } = start();
    const all = bodies("a", 10 * PACK_ENVELOPES + 3);
    for (const body of all) handPackable(body);
    await answer();
    const packs = Array.from({ length: 11 }, (_, n) =>
      all.slice(n * PACK_ENVELOPES, (n + 1) * PACK_ENVELOPES),
    );
    expect(requests).toEqual([packs.slice(0, 10).map((pack) => encodePack(a, pack))]);
    expect(new Set(entriesOf[0]?.map((entry) => entry.MessageDeduplicationId)).size).toBe(10);
    await answer({});
    expect(requests[1]).toEqual([encodePack(a, packs[10] ?? [])]);
    await answer({});
    expect(Object.keys(ends)).toEqual(all);
  });

  test("are no more than SQS charges as one request", async () => {
    const { handPackable, answer, requests } = start();
    for (const n of [1, 2, 3, 4]) handPackable(`a${n}${"ü".repeat(10_000)}`);
    await answer();
    expect(requests[0]?.map((body) => body.match(/a\d/g))).toEqual([["a1", "a2", "a3"], ["a4"]]);
    for (const body of requests[0] ?? []) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(PACK_BYTES);
  });

  test("that just fit, do", async () => {
    const { handPackable, answer, requests } = start();
    const room = PACK_BYTES - Buffer.byteLength(encodePack(a, ["", ""]));
    for (const length of [room - 10, 10, room - 9, 10]) handPackable(`a${"x".repeat(length - 1)}`);
    await answer();
    expect(requests[0]?.map((body) => Buffer.byteLength(body))).toEqual([PACK_BYTES, room - 9, 10]);
  });

  test("I2: one that must be a message by itself divides them", async () => {
    const { handPackable, hand, answer, requests } = start();
    handPackable("a1");
    handPackable("a2");
    hand("a3");
    handPackable("a4");
    handPackable("a5");
    await answer();
    expect(requests).toEqual([[encodePack(a, ["a1", "a2"]), "a3", encodePack(a, ["a4", "a5"])]]);
  });

  test("have one end: none of them is sent by itself when SQS did not take their message", async () => {
    const { clock, handPackable, hand, answer, requests, entriesOf, ends } = start();
    const pack = encodePack(a, ["a1", "a2"]);
    handPackable("a1");
    handPackable("a2");
    hand("b1");
    await answer();
    await answer({ failed: { [pack]: ownFault } });
    expect(ends).toEqual({ b1: "sent" });
    handPackable("a3");
    await clock.advance(100);
    expect(requests.slice(1)).toEqual([[pack]]);
    // The same message, by which SQS would know it.
    expect(entriesOf[1]?.[0]?.MessageDeduplicationId).toBe(entriesOf[0]?.[0]?.MessageDeduplicationId);
    await answer({ error: new Error("socket hang up") });
    expect(ends).toEqual({ b1: "sent", a1: "socket hang up", a2: "socket hang up" });
    expect(requests[2]).toEqual(["a3"]);
  });

  test("I2: fail when a later message of theirs has arrived", async () => {
    const { clock, handPackable, hand, answer, requests, ends } = start();
    handPackable("a1");
    handPackable("a2");
    hand("a3");
    await answer();
    await answer({ failed: { [encodePack(a, ["a1", "a2"])]: ownFault } });
    await clock.advance(1_000);
    expect(requests).toHaveLength(1);
    expect(ends.a3).toBe("sent");
    expect([ends.a1, ends.a2]).toEqual(
      Array(2).fill("SQS did not take the message: InternalError: said SQS"),
    );
  });

  test("stay together when a request is refused as a whole for one message in it", async () => {
    const { handPackable, hand, answer, requests, ends } = start();
    const refused = Object.assign(new Error("one of them"), {
      name: "InvalidMessageContents",
      $fault: "client",
    });
    hand("b1");
    handPackable("a1");
    handPackable("a2");
    await answer();
    await answer({ error: refused });
    await answer({ error: refused });
    await answer({});
    expect(requests.slice(1)).toEqual([["b1"], [encodePack(a, ["a1", "a2"])]]);
    expect(ends).toEqual({ b1: "one of them", a1: "sent", a2: "sent" });
  });

  test("of many instances, each with several, lose nothing and keep their order", async () => {
    const { handPackable, hand, answer, requests, ends } = start();
    const expected: Record<string, string[]> = {};
    for (let n = 0; n < 300; n++) {
      const group = "abcdefghijklm"[(n * 7) % 13] ?? "a";
      const body = `{"n":"${group}${n}"}`;
      expected[group] = [...(expected[group] ?? []), `${group}${n}`];
      if (n % 11 === 0) hand(body, { MessageGroupId: group });
      else handPackable(body, group);
      if (n % 40 === 0) await answer({});
    }
    for (let round = 0; round < 60; round++) await answer({});
    const got: Record<string, string[]> = {};
    for (const id of requests.flat().flatMap((body) => body.match(/[a-m]\d+/g) ?? [])) {
      got[id[0] ?? ""] = [...(got[id[0] ?? ""] ?? []), id];
    }
    expect(got).toEqual(expected);
    expect(Object.values(ends).every((end) => end === "sent")).toBe(true);
  });
});
