import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { CloudFormationClient, CreateStackCommand } from "@aws-sdk/client-cloudformation";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, expect, test } from "vitest";
import { createDynamoReplies } from "../../runtime/adapters/aws/dynamo-replies.ts";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { createSqsMailbox, mailboxMessage } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { encode } from "../../runtime/core/codec.ts";
import { decodeOutcome } from "../../runtime/core/outcome.ts";
import type { Envelope } from "../../runtime/ports/mailbox.ts";
import { awsEnvironment, sdkOptions } from "../endpoints/aws.ts";
import { describeOnBoth } from "../endpoints/gate.ts";
import { run } from "../endpoints/processes.ts";
import { dynamoAt, makeActorTable, makeReplyTable } from "../stores/dynamo-table.ts";
import type { BombSettings } from "./bomb-worker.ts";
import { makeDelayQueue, makeMailbox, sqsAt } from "./event-source.ts";

const FINGERPRINT = "0123456789ab";
const WORKER = join(import.meta.dirname, "bomb-worker.ts");
const CLI = join(import.meta.dirname, "../../cli/actors.ts");
const PATIENCE_MS = 180_000;
/** What a list says when there are dead letters that it has not seen. */
const BEHIND = /"behind": [1-9]|more lie behind/;
const MOST_LISTS = 20;

describeOnBoth("dead letters", ({ url }) => {
  let stop = async () => {};
  afterAll(() => stop());

  /** Starts workers, one after the other, until told to stop. */
  const keepWorking = (settings: BombSettings) => {
    let crashes = 0;
    let going = true;
    let end = () => {};
    const loop = async () => {
      while (going) {
        const worker = spawn(process.execPath, [WORKER, JSON.stringify(settings)], { stdio: "inherit" });
        end = () => worker.kill("SIGKILL");
        const [code] = await once(worker, "exit");
        if (code === 9) crashes++;
        else if (going) throw new Error(`a worker ended with code ${code}: its output has the reason`);
      }
    };
    const looping = loop();
    // Whoever stops it is told.
    looping.catch(() => {});
    stop = async () => {
      going = false;
      end();
      await looping;
    };
    return { stop: () => stop(), crashes: () => crashes };
  };

  test("I17: what ends its worker each time becomes a dead letter, is answered, holds nobody up, and is put back once it can be run", {
    timeout: 900_000,
  }, async () => {
    const sqs = sqsAt(url);
    const dynamo = dynamoAt(url);
    const settings: BombSettings = {
      url,
      mailboxUrl: await makeMailbox(sqs),
      deadLetterUrl: await makeMailbox(sqs),
      actorTable: await makeActorTable(dynamo),
      replyTable: await makeReplyTable(dynamo),
      fixed: false,
    };
    const { mailboxUrl, deadLetterUrl } = settings;
    const delayUrl = await makeDelayQueue(sqs);
    const stack = await makeStack(url, {
      MailboxUrl: mailboxUrl,
      DelayUrl: delayUrl,
      DeadLetterUrl: deadLetterUrl,
      DelayDeadLetterUrl: await makeDelayQueue(sqs),
    });
    const actors = async (...args: readonly string[]) => {
      const { code, output } = await run(process.execPath, [CLI, "dlq", ...args, "--stack", stack], {
        env: awsEnvironment(url),
        timeoutMs: PATIENCE_MS,
      });
      return { code, output };
    };
    /** An answer of the queue that got lost, as a busy machine's do, hides for minutes what it had; it is counted all the same. */
    const list = async (...args: readonly string[]) => {
      for (let times = 1; ; times++) {
        const listed = await actors("list", ...args);
        if (!BEHIND.test(listed.output)) return listed;
        if (times === MOST_LISTS) expect(listed.output).not.toMatch(BEHIND);
      }
    };
    const listed = async () => {
      const { code, output } = await list("--json");
      expect(code, output).toBe(0);
      return JSON.parse(output) as { deadLetters: { id: string; reason: string }[]; behind: number };
    };
    const clock = systemClock;
    const mailbox = createSqsMailbox({ client: sqs, mailboxUrl, delayUrl, clock });
    const store = createDynamoStore({
      client: dynamo,
      table: settings.actorTable,
      ids: randomIds,
      clock: systemClock,
    });
    const replies = createDynamoReplies({
      client: dynamo,
      table: settings.replyTable,
      clock,
      ids: randomIds,
      retentionMs: 3_600_000,
    });
    const outcome = async (id: string) => {
      const text = await replies.wait([id], Date.now() + PATIENCE_MS);
      const filed = text === undefined ? undefined : decodeOutcome(text).outcome;
      return filed?.ok ? filed.result : filed?.error.name;
    };
    const sum = async (name: string) => (await store.hydrate({ type: "Bomb", name }))?.inline.get("sum");

    const poison = envelope("=poison", "explode", 100, { attempt: "poison-1" });
    await mailbox.send(poison);
    for (const id of ["behind-1", "behind-2", "behind-3"]) await mailbox.send(envelope(id, "add", 1));
    await mailbox.send(envelope("elsewhere", "add", 5, { name: "other" }));
    await mailbox.send(envelope("=poison", "explode", 100, { attempt: "poison-2" }));
    const broken = keepWorking(settings);
    expect(await outcome("=poison")).toBe("ActorCrashedError");
    expect(await Promise.all(["behind-1", "behind-2", "behind-3", "elsewhere"].map(outcome))).toEqual([
      "[1]",
      "[2]",
      "[3]",
      "[5]",
    ]);
    await mailbox.send(envelope("=poison", "explode", 100, { attempt: "poison-3" }));
    await mailbox.send(envelope("later", "add", 1));
    expect(await outcome("later")).toBe("[4]");
    // One that is not counted, and two that are.
    expect(broken.crashes()).toBe(3);
    expect((await listed()).deadLetters).toMatchObject([
      { id: "=poison", type: "Bomb", name: "one", method: "explode", answered: true },
    ]);
    await broken.stop();

    // What SQS itself moves there: an envelope that nobody has answered, and one that is none.
    const unanswered = envelope("unanswered", "add", 1000);
    await sqs.send(new SendMessageCommand(mailboxMessage(deadLetterUrl, unanswered)));
    await sqs.send(
      new SendMessageCommand({
        ...mailboxMessage(deadLetterUrl, { ...unanswered, id: "junk", to: { type: "x", name: "" } }),
        MessageBody: '{"v":1}',
      }),
    );
    const letters = await listed();
    expect(letters.deadLetters.map(({ id }) => id).slice(0, 2)).toEqual(["=poison", "unanswered"]);
    const junk = letters.deadLetters[2];
    expect(junk?.reason).toMatch(/^it is no envelope: envelope format 1 is not known here/);
    expect((await list()).output).toContain('Bomb["one"].explode');

    keepWorking({ ...settings, fixed: true });
    const redriven = await actors("redrive", "--all");
    expect(redriven.output).toMatch(/put back: =poison {2}[\s\S]*put back: unanswered/);
    expect(redriven).toMatchObject({
      code: 1,
      output: expect.stringContaining(`${junk?.id} can't be put back, it is no envelope`),
    });
    expect(await outcome("unanswered")).toBe("[1104]");
    expect(await outcome("=poison")).toBe("ActorCrashedError");
    expect((await actors("drop", "--id", junk?.id ?? "")).output).toContain("give --yes if it is meant");
    expect(await actors("drop", "--yes", "--id", junk?.id ?? "")).toMatchObject({ code: 0 });
    expect(await listed()).toEqual({ deadLetters: [], behind: 0 });
    expect(await sum("one")).toBe("[1104]");

    // A redrive that died before it could remove the dead letter, and was done again.
    const reason = { DataType: "String", StringValue: "it crashed" };
    for (const attempt of ["a", "b"]) {
      await sqs.send(
        new SendMessageCommand({
          ...mailboxMessage(deadLetterUrl, poison),
          MessageDeduplicationId: attempt,
          MessageAttributes: { reason },
        }),
      );
    }
    expect((await actors("redrive", "--id", "=poison")).code).toBe(0);
    await mailbox.send(envelope("last", "add", 1));
    expect(await outcome("last")).toBe("[1105]");
    expect((await actors("redrive", "--id", "=poison")).output).toContain(
      'no dead letter "=poison" is to be seen',
    );
  });
});

function envelope(
  id: string,
  method: string,
  amount: number,
  { name = "one", attempt }: { name?: string; attempt?: string } = {},
): Envelope {
  return {
    id,
    attempt,
    to: { type: "Bomb", name },
    call: { kind: "method", method, args: encode([amount], "arguments") },
    fingerprint: FINGERPRINT,
    awaited: true,
    due: undefined,
    deadline: Date.now() + 3_600_000,
    chain: [],
  };
}

/** A stack that has nothing but outputs, as far as anybody asks. */
async function makeStack(url: string, outputs: Readonly<Record<string, string>>): Promise<string> {
  const client = new CloudFormationClient(sdkOptions(url));
  const StackName = `dead-letters-${crypto.randomUUID()}`;
  const TemplateBody = JSON.stringify({
    Resources: { Topic: { Type: "AWS::SNS::Topic" } },
    Outputs: Object.fromEntries(Object.entries(outputs).map(([name, Value]) => [name, { Value }])),
  });
  await client.send(new CreateStackCommand({ StackName, TemplateBody }));
  client.destroy();
  return StackName;
}
