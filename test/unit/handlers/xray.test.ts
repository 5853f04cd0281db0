import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { expect, onTestFinished, test, vi } from "vitest";
import { xrayHeader } from "../../../handlers/aws-tracing.ts";
import { createSqsMailbox } from "../../../runtime/adapters/aws/sqs-mailbox.ts";
import { delivery, StepClock } from "../core/fixtures.ts";

const LAMBDA_HEADER =
  "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a87bd80c:0";

/** What is sent in an environment: to the mailbox, and to the delay queue. */
async function sent(environment: Record<string, string>) {
  const sqs = mockClient(SQSClient);
  sqs.on(SendMessageCommand).resolves({});
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  onTestFinished(() => {
    sqs.restore();
    vi.unstubAllEnvs();
  });
  const clock = new StepClock();
  const mailbox = createSqsMailbox({
    client: new SQSClient({ region: "us-east-1" }),
    mailboxUrl: "http://127.0.0.1:1/mailbox.fifo",
    delayUrl: "http://127.0.0.1:1/delay",
    clock,
    xrayHeader: xrayHeader(),
  });
  const { envelope } = delivery({ type: "Account", name: "ann" }, "debit", 1);
  await mailbox.send(envelope);
  await mailbox.send({ ...envelope, due: clock.now() + 60_000, awaited: false });
  return sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input.MessageSystemAttributes);
}

test("where X-Ray traces, messages carry what Lambda says of this invocation", async () => {
  const AWSTraceHeader = {
    DataType: "String",
    StringValue: "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
  };
  expect(await sent({ ACTORS_TRACING: "xray", _X_AMZN_TRACE_ID: LAMBDA_HEADER })).toEqual([
    { AWSTraceHeader },
    { AWSTraceHeader },
  ]);
});

test("where it does not, or Lambda says nothing, they carry nothing of it", async () => {
  expect(await sent({ _X_AMZN_TRACE_ID: LAMBDA_HEADER })).toEqual([undefined, undefined]);
  expect(await sent({ ACTORS_TRACING: "xray", _X_AMZN_TRACE_ID: "" })).toEqual([undefined, undefined]);
});
