import { expect, test } from "vitest";
import { insist, insisting } from "../../acceptance/asking-again.ts";
import type { SendRequest } from "../../endpoints/api-client.ts";

/** A door that gives these answers, one after the other; and the headers that it was asked with. */
function door(...answers: readonly (readonly [status: number, body: string])[]) {
  const asked: object[] = [];
  const request: SendRequest = async (_method, _path, _body, headers = {}) => {
    const [status, text] = answers[asked.length] ?? [200, "too often"];
    asked.push(headers);
    return { status, headers: {}, text, json: () => JSON.parse(text) };
  };
  return { request: insisting(request), asked };
}

const error = (name: string, envelope?: string) => JSON.stringify({ error: { name, envelope } });

test("a call without an answer in time is asked for by its envelope, until there is one", async () => {
  const { request, asked } = door(
    [504, error("ActorCallTimeoutError", "e1")],
    [504, error("ActorCallTimeoutError", "e1")],
    [200, "5"],
  );
  expect((await request("POST", "/A/a/m", "[]", { prefer: "x" })).text).toBe("5");
  expect(asked).toEqual([
    { prefer: "x" },
    { prefer: "x", "envelope-id": "e1" },
    { prefer: "x", "envelope-id": "e1" },
  ]);
});

test("a call with a key is asked for by it, also when the gateway gave up", async () => {
  const key = { "idempotency-key": "k" };
  const { request, asked } = door(
    [504, error("ActorCallTimeoutError", "=e1")],
    [502, "Bad Gateway"],
    [200, "5"],
  );
  expect((await request("POST", "/A/a/m", "[]", key)).text).toBe("5");
  expect(asked).toEqual([key, key, key]);
});

test("one that came too late to run is made anew", async () => {
  const { request, asked } = door(
    [504, error("ActorCallTimeoutError", "e1")],
    [504, error("ActorDeadlineError")],
    [200, "5"],
  );
  expect((await request("POST", "/A/a/m")).text).toBe("5");
  expect(asked).toEqual([{}, { "envelope-id": "e1" }, {}]);
});

test("a call that is late each time is asked for five times: its last answer is what came of it", async () => {
  const late = [504, error("ActorCallTimeoutError", "e1")] as const;
  const { request, asked } = door(...Array.from({ length: 10 }, () => late));
  expect((await request("POST", "/A/a/m")).status).toBe(504);
  expect(asked).toHaveLength(5);
});

test("every other answer is the outcome: a failure, a method over its budget, a gateway's for a call without a key", async () => {
  for (const [status, text] of [
    [500, error("ActorMethodError")],
    [504, error("ActorMethodTimeoutError")],
    [502, "Bad Gateway"],
    [400, "[]"],
  ] as const) {
    const { request, asked } = door([status, text]);
    expect((await request("POST", "/A/a/m")).text).toBe(text);
    expect(asked).toHaveLength(1);
  }
});

test("so is a call through a stub", async () => {
  const failures = [
    { name: "ActorCallTimeoutError", envelopeId: "e1" },
    { name: "ActorDeadlineError", envelopeId: undefined },
    { name: "ActorMethodError", envelopeId: undefined },
  ].map((each) => Object.assign(new Error(each.name), each));
  const asked: (string | undefined)[] = [];
  const called = insist(async (envelopeId) => {
    asked.push(envelopeId);
    throw failures[asked.length - 1] ?? new Error("too often");
  });
  await expect(called).rejects.toBe(failures[2]);
  expect(asked).toEqual([undefined, "e1", undefined]);
});
