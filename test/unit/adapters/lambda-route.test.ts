import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { mockClient } from "aws-sdk-client-mock";
import { beforeEach, describe, expect, test } from "vitest";
import { createLambdaRoute } from "../../../runtime/adapters/aws/lambda-route.ts";
import { methodRequest } from "../../../runtime/core/call-request.ts";
import { createCaller } from "../../../runtime/core/caller.ts";
import { decodeEnvelope } from "../../../runtime/core/envelope.ts";
import { encodeOutcome, resultOf, succeeded } from "../../../runtime/core/outcome.ts";
import { StepClock } from "../core/fixtures.ts";

const lambda = mockClient(LambdaClient);
beforeEach(() => lambda.reset());

const clock = new StepClock();
const to = { type: "Greeter", name: "one" };
const request = () => methodRequest(to, { method: "greet", args: ["you"], options: {} });

function connected() {
  const route = createLambdaRoute({ router: "the-router", client: new LambdaClient({}), clock });
  const caller = createCaller({
    actors: new Map(),
    routeTo: () => route,
    clock,
    ids: { next: () => "id" },
    callWaitMs: 1000,
  });
  return {
    call: async () => resultOf(await caller.call(request()), "greet"),
    send: () => caller.send(request),
  };
}

/** What an invocation gives whose function answered with this. */
function payload(answer: unknown) {
  const bytes = new TextEncoder().encode(typeof answer === "string" ? answer : JSON.stringify(answer));
  return {
    Payload: Object.assign(bytes, { transformToString: () => new TextDecoder().decode(bytes) }) as never,
  };
}

test("an envelope goes there as an event, and its outcome comes back", async () => {
  const outcome = encodeOutcome(succeeded("hello", "greet"), request().fingerprint);
  lambda.on(InvokeCommand).resolves(payload({ outcome }));
  expect(await connected().call()).toBe("hello");
  const [invocation] = lambda.commandCalls(InvokeCommand);
  const input = invocation?.args[0].input;
  expect(input?.FunctionName).toBe("the-router");
  const event = JSON.parse(String(input?.Payload));
  expect(event).toEqual({ envelope: expect.any(String), sentAt: clock.now() });
  expect(decodeEnvelope(event.envelope)).toMatchObject({ to, awaited: true });
});

test("a one-way message has arrived when the router says so", async () => {
  lambda.on(InvokeCommand).resolves(payload({ sent: true }));
  await expect(connected().send()).resolves.toBeUndefined();
});

describe("refused:", () => {
  test.each([
    ["by name", { error: { name: "ActorNameError", message: "bad" } }, "ActorNameError", "bad"],
    [
      "without a name of ours",
      { error: { name: "EnvelopeError", message: "bad" } },
      "ActorConnectionError",
      "the other side refused the call: bad",
    ],
    [
      "by a function that is no router",
      { statusCode: 200 },
      "ActorConnectionError",
      "the function the-router is no router of stateful-actors; name the function in the stack's output RouterName",
    ],
    ["by a function that answers null", null, "ActorConnectionError", expect.stringContaining("no router")],
  ])("%s", async (_, answer, name, message) => {
    lambda.on(InvokeCommand).resolves(payload(answer));
    const refusal = { name, effect: "refused", message };
    await expect(connected().call()).rejects.toMatchObject(refusal);
    await expect(connected().send()).rejects.toMatchObject(refusal);
  });

  test.each(["AccessDeniedException", "ResourceNotFoundException", "CredentialsProviderError"])(
    "%s: the router was not invoked",
    async (name) => {
      lambda.on(InvokeCommand).rejects(Object.assign(new Error("arn:aws:lambda"), { name }));
      await expect(connected().call()).rejects.toMatchObject({
        name: "ActorConnectionError",
        effect: "refused",
        message: `the router function the-router could not be invoked (${name}); check its name, the region and the right lambda:InvokeFunction`,
      });
    },
  );
});

describe("unknown:", () => {
  test.each<[string, () => void]>([
    [
      "no answer in time there",
      () =>
        lambda.on(InvokeCommand).resolves(payload({ error: { name: "ActorCallTimeoutError", message: "" } })),
    ],
    [
      "a router that failed",
      () => lambda.on(InvokeCommand).resolves({ ...payload({}), FunctionError: "Unhandled" }),
    ],
    ["no payload", () => lambda.on(InvokeCommand).resolves({})],
    ["no JSON", () => lambda.on(InvokeCommand).resolves(payload("{"))],
    ["a broken connection", () => lambda.on(InvokeCommand).rejects(new Error("ECONNRESET"))],
  ])("%s", async (_, prepare) => {
    prepare();
    const unknown = { name: "ActorCallTimeoutError", effect: "unknown" };
    await expect(connected().call()).rejects.toMatchObject({ ...unknown, envelopeId: "id" });
    await expect(connected().send()).rejects.toMatchObject({ ...unknown, envelopeId: "=id" });
  });
});
