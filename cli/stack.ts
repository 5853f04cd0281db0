import { dynamoClient, sqsClient } from "../runtime/adapters/aws/clients.ts";
import { createDeadLetterQueue } from "../runtime/adapters/aws/dead-letter-queue.ts";
import { createDynamoDirectory } from "../runtime/adapters/aws/dynamo-directory.ts";
import { createDynamoStore } from "../runtime/adapters/aws/dynamo-store.ts";
import { createSqsMailbox } from "../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { connect } from "../runtime/client.ts";
import { overwrite } from "../runtime/core/overwrite.ts";
import { wakeEnvelope } from "../runtime/core/wake.ts";
import type { DeadLetterQueue } from "../runtime/ports/dead-letters.ts";
import { askAws, describeStack } from "./described-stack.ts";
import type { Place } from "./place.ts";

/** The rights that it takes: to look at instances, to replace them, and to look through dead letters. */
const TO_READ = "on the stack's actor table dynamodb:Query, dynamodb:BatchGetItem, dynamodb:GetItem";
const TO_WRITE =
  "on the stack's actor table dynamodb:GetItem, dynamodb:Query, dynamodb:PutItem, dynamodb:UpdateItem, dynamodb:DeleteItem, dynamodb:BatchWriteItem, and for alarms sqs:SendMessage on its queues";
const TO_MOVE =
  "on the stack's queues sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility, sqs:GetQueueAttributes, sqs:SendMessage";

/** A deployed stack. What is needed of it is asked for when it is needed: an operator may have rights to a part alone. */
export async function openStack(stack: string): Promise<Place> {
  const { outputs, output } = await describeStack(stack);
  const clock = systemClock;
  const client = dynamoClient();
  const mailbox = () =>
    createSqsMailbox({
      client: sqsClient(),
      mailboxUrl: output("MailboxUrl"),
      // Stacks of earlier versions have one, and do not say so.
      shards: Number(outputs.get("MailboxShards") ?? 1),
      delayUrl: output("DelayUrl"),
      clock,
    });
  const types = outputs.get("Types")?.split(",") ?? [];
  const table = () => ({ client, table: output("ActorTable"), clock });
  const directory = () => createDynamoDirectory({ ...table(), types });
  return {
    label: `stack ${stack}`,
    directory: {
      types: () => Promise.resolve(types),
      list: (query) => askAws(TO_READ, () => directory().list(query)),
      snapshot: (id) => askAws(TO_READ, () => directory().snapshot(id)),
    },
    overwrite: (id, put) =>
      askAws(TO_WRITE, () =>
        overwrite(id, put, {
          store: createDynamoStore({ ...table(), ids: randomIds }),
          // The delay queue carries a wake as far as a schedule does, and needs no role to be handed over.
          alarmClock: {
            async arm(to, wake) {
              await mailbox().send(wakeEnvelope(to, wake));
            },
          },
          clock,
        }),
      ),
    connect: () => connect({ router: output("RouterName") }),
    async deadLetters() {
      const sqs = sqsClient();
      const urls = [output("DeadLetterUrl"), output("DelayDeadLetterUrl")];
      const { send } = mailbox();
      return {
        mailbox: { send: (envelope) => askAws(TO_MOVE, async () => send(envelope)) },
        queues: urls.map((url) => guarded(createDeadLetterQueue(sqs, url))),
      };
    },
    close: () => client.destroy(),
  };
}

function guarded(queue: DeadLetterQueue): DeadLetterQueue {
  return {
    receive: () => askAws(TO_MOVE, () => queue.receive()),
    release: (messages) => askAws(TO_MOVE, () => queue.release(messages)),
    remove: (message, rest) => askAws(TO_MOVE, () => queue.remove(message, rest)),
    count: () => askAws(TO_MOVE, () => queue.count()),
  };
}
