import type { QueueState } from "../../../runtime/adapters/aws/deployed/queues.ts";
import { type DescribedMailbox, type StackDescription, seen } from "../description.ts";
import type { Verdict } from "../finding.ts";
import { NEAR, QUEUE_REACH } from "../limits.ts";

const CHECK = "mailboxes";

/** What the worker needs beyond its timeout to give a batch back: the construct's own margin. */
const MARGIN_SECONDS = 30;

/** The receive at which a worker gives up the first poison of a batch, by itself: SQS must not be sooner. */
const GIVEN_UP_AT = 7;

export function checkMailboxes(description: StackDescription): Verdict[] {
  const { queueNames, mailboxes, stack } = description;
  const unknown =
    "unseen" in queueNames ? [`whether queues are left that nothing works off: ${queueNames.unseen}`] : [];
  return [
    ...mailboxes.flatMap((mailbox) => checkMailbox(mailbox, description)),
    ...unknown.map((untold) => ({ check: CHECK, of: `mailboxes of ${stack}`, untold }) as const),
  ];
}

function checkMailbox(mailbox: DescribedMailbox, description: StackDescription): Verdict[] {
  const of = `queue ${mailbox.name}`;
  const { queue } = mailbox;
  if ("unseen" in queue) return [{ check: CHECK, of, untold: queue.unseen }];
  if (queue.seen === undefined) {
    return [
      {
        severity: "error",
        check: CHECK,
        of,
        found: "it is not there",
        rule: "it is the mailbox of a part of the instances: whoever sends to them is refused",
        fix: "deploy again; CloudFormation makes a queue that was deleted by hand only if its name or its logical id changes",
      },
    ];
  }
  const shards = Number(description.outputs.get("MailboxShards") ?? 1);
  const isUsed = mailbox.number < shards || (seen(mailbox.sources) ?? []).length > 0;
  return [
    // Of one that was left behind only its content matters.
    ...(isUsed ? checkSettings(of, queue.seen, description) : []),
    ...checkBacklog(of, queue.seen),
    ...checkDraining(of, { mailbox, queue: queue.seen }, description),
  ];
}

function checkSettings(of: string, queue: QueueState, description: StackDescription): Verdict[] {
  const { isAws, worker, deadLetters } = description;
  const setting = settingOf(of);
  const verdicts: Verdict[] = [];
  if (!queue.fifo) {
    verdicts.push(
      setting("FifoQueue", {
        found: "it is no FIFO queue",
        rule: "a mailbox is a FIFO queue: another one gives out an instance's calls in any order, and twice at once",
        fix: "name it in .fifo and deploy it anew",
      }),
    );
  }
  const perGroup = [
    [
      "FifoThroughputLimit",
      queue.throughputLimit,
      "perMessageGroupId",
      "the whole queue takes 300 calls a second",
    ],
    [
      "DeduplicationScope",
      queue.deduplicationScope,
      "messageGroup",
      "high throughput is off, and the queue takes 300 calls a second",
    ],
  ] as const;
  for (const [name, found, wanted, otherwise] of perGroup) {
    if (found === undefined) {
      verdicts.push({ check: CHECK, of, untold: `its ${name}` });
    } else if (found !== wanted) {
      verdicts.push(
        setting(name, {
          found: `${name} is ${found}`,
          rule: `${name} is ${wanted}: instances share nothing, and otherwise ${otherwise}`,
          fix: `deploy again, or aws sqs set-queue-attributes --queue-url ${queue.url} --attributes ${name}=${wanted}`,
        }),
      );
    }
  }
  if (queue.contentBasedDeduplication === true) {
    verdicts.push({
      ...setting("ContentBasedDeduplication", {
        found: "it takes messages of equal content for one",
        rule: "each attempt has an id of its own, and must be told apart by that alone",
        fix: "deploy again, or set ContentBasedDeduplication=false",
      }),
      severity: "warning",
    });
  }
  if ((queue.delaySeconds ?? 0) > 0) {
    verdicts.push(
      setting("DelaySeconds", {
        found: `every call waits for ${queue.delaySeconds} s before a worker sees it`,
        rule: "a mailbox has no delay: what is due later lies in the delay queue",
        fix: "deploy again, or set DelaySeconds=0",
      }),
    );
  }
  return [
    ...verdicts,
    ...checkVisibility(of, queue, worker),
    ...checkRedrive(of, { queue, isAws, deadLetters }),
  ];
}

function checkVisibility(
  of: string,
  queue: QueueState,
  { function: look }: StackDescription["worker"],
): Verdict[] {
  const worker = seen(look);
  const { visibilitySeconds } = queue;
  if (worker === undefined || visibilitySeconds === undefined) return [];
  const lease = Number(worker.environment.LEASE_SECONDS);
  const least = Math.max(worker.timeoutSeconds + MARGIN_SECONDS, Number.isFinite(lease) ? lease : 0);
  if (visibilitySeconds >= least) return [];
  return [
    settingOf(of)("VisibilityTimeout", {
      found: `its visibility timeout is ${visibilitySeconds} s`,
      rule: `at least the worker's timeout and ${MARGIN_SECONDS} s, and what the worker takes it for: ${least} s. Sooner a second worker gets a batch that is being run, and Lambda may refuse the event source`,
      fix: `deploy again, or set VisibilityTimeout=${least}`,
    }),
  ];
}

function checkRedrive(
  of: string,
  { queue, isAws, deadLetters }: Pick<StackDescription, "isAws" | "deadLetters"> & { queue: QueueState },
): Verdict[] {
  const target = seen(deadLetters.queue);
  const { redrive } = queue;
  if (redrive === undefined) {
    // SQS says nothing of what there is not; an emulator may say nothing of what it ignores.
    if (!isAws) return [{ check: CHECK, of, untold: "its RedrivePolicy" }];
    return [
      settingOf(of)("RedrivePolicy", {
        found: "it has no dead-letter queue",
        rule: "what is received thirty times goes to the dead-letter queue, and no longer stands before all others of its instance",
        fix: "deploy again",
      }),
    ];
  }
  const verdicts: Verdict[] = [];
  if (target !== undefined && redrive.targetArn !== target.arn) {
    verdicts.push(
      settingOf(of)("RedrivePolicy", {
        found: `its dead letters go to ${redrive.targetArn}`,
        rule: `they go to ${target.arn}, where actors dlq and the alarms look`,
        fix: "deploy again",
      }),
    );
  }
  if (redrive.maxReceives < GIVEN_UP_AT) {
    verdicts.push(
      settingOf(of)("RedrivePolicy.maxReceiveCount", {
        found: `SQS gives a message up after ${redrive.maxReceives} receives`,
        rule: `not before the worker's own judgement, which takes ${GIVEN_UP_AT} and more: SQS counts for all of a batch what one message does, and gives up what would have run`,
        fix: "deploy again",
      }),
    );
  }
  return verdicts;
}

function checkBacklog(of: string, { waiting, inFlight }: QueueState): Verdict[] {
  const verdicts: Verdict[] = [];
  if (waiting + inFlight >= NEAR * QUEUE_REACH) {
    verdicts.push({
      severity: waiting + inFlight >= QUEUE_REACH ? "error" : "warning",
      check: CHECK,
      of,
      found: `${number(waiting)} messages wait in it and ${number(inFlight)} are in flight`,
      rule: `SQS looks at the first ${number(QUEUE_REACH)} messages of a FIFO queue: behind a backlog of a few instances all others wait, too`,
      fix: "find what is hot (docs/operations.md, A hot actor), stop what calls it; for good, more shards",
    });
  }
  return verdicts;
}

/** Those beyond the count that senders know: they take nothing new. */
function checkDraining(
  of: string,
  { mailbox, queue }: { mailbox: DescribedMailbox; queue: QueueState },
  { outputs }: StackDescription,
): Verdict[] {
  const shards = Number(outputs.get("MailboxShards") ?? 1);
  if (mailbox.number < shards) return [];
  const left = queue.waiting + queue.inFlight + queue.delayed;
  const worked = (seen(mailbox.sources) ?? []).length > 0;
  if (left > 0 && !worked && "seen" in mailbox.sources) {
    return [
      {
        severity: "error",
        check: CHECK,
        of,
        found: `${number(left)} messages lie in it, it is none of the ${shards} shards, and nothing works it off`,
        rule: "a queue that is taken away is empty first: what lies in it is lost after four days",
        fix: `deploy with drainingShards: ${mailbox.number - shards + 1}, wait until it is empty, then deploy without`,
      },
    ];
  }
  if (left > 0) return [];
  return [
    {
      severity: "note",
      check: CHECK,
      of,
      found: `it is none of the ${shards} shards, and empty`,
      rule: "queues beyond the shards are there to be worked off",
      fix: worked
        ? "when all of them are empty, deploy without drainingShards"
        : `nothing needs it: aws sqs delete-queue --queue-url ${queue.url}`,
    },
  ];
}

function settingOf(of: string) {
  return (setting: string, said: { found: string; rule: string; fix: string }) =>
    ({ severity: "error", check: CHECK, of, setting, ...said }) as const;
}

function number(count: number): string {
  return count.toLocaleString("en");
}
