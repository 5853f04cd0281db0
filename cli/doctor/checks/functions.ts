import { type DescribedFunction, type FunctionName, type StackDescription, seen } from "../description.ts";
import type { Finding, Verdict } from "../finding.ts";

const CHECK = "functions";

export function checkFunctions(description: StackDescription): Verdict[] {
  const names: readonly FunctionName[] = ["worker", "router", "forwarder"];
  return [
    ...names.flatMap((name) => checkFunction(name, description[name], description)),
    ...checkSettings(description),
  ];
}

function checkFunction(
  name: FunctionName,
  { function: look, recursiveLoop, reserved }: DescribedFunction,
  { isAws }: StackDescription,
): Verdict[] {
  if ("unseen" in look) return [{ check: CHECK, of: `the ${name}`, untold: look.unseen }];
  const found = look.seen;
  if (found === undefined) {
    return [error(`the ${name}`, "it is not there", "nothing does its work", "deploy again")];
  }
  const of = `${name} ${found.name}`;
  const verdicts: Verdict[] = [];
  if (found.state === "Failed" || found.lastUpdate === "Failed") {
    verdicts.push(
      error(
        of,
        `its state is ${found.state}, its last update ${found.lastUpdate}`,
        "a function whose update failed runs old code, or none",
        "look at the reason in Lambda, and deploy again",
      ),
    );
  }
  if ("unseen" in recursiveLoop) verdicts.push({ check: CHECK, of, untold: recursiveLoop.unseen });
  else if (recursiveLoop.seen !== "Allow") {
    const told = recursiveLoop.seen === undefined ? "is not told" : `is ${recursiveLoop.seen}`;
    // Endpoints that stand in for AWS take the setting at the deployment and forget it.
    verdicts.push(
      isAws
        ? {
            ...error(
              of,
              `its recursive loop detection ${told}`,
              "Allow: calls from actor to actor, and alarms that set the next one, are chains of functions that Lambda would cut after about 16 links",
              `deploy again, or aws lambda put-function-recursion-config --function-name ${found.name} --recursive-loop Allow`,
            ),
            setting: "RecursiveLoop",
          }
        : {
            check: CHECK,
            of,
            untold: `its recursive loop detection ${told}, says an endpoint that is not AWS's`,
          },
    );
  }
  if ("unseen" in reserved) verdicts.push({ check: CHECK, of, untold: reserved.unseen });
  else if (reserved.seen === 0) {
    verdicts.push({
      ...error(
        of,
        "its reserved concurrency is 0",
        "a function that may not run does nothing: messages wait, requests are refused",
        `aws lambda delete-function-concurrency --function-name ${found.name}, or deploy again`,
      ),
      setting: "ReservedConcurrentExecutions",
    });
  } else if (reserved.seen !== undefined && name === "worker") {
    verdicts.push({
      severity: "note",
      check: CHECK,
      of,
      setting: "ReservedConcurrentExecutions",
      found: `its reserved concurrency is ${reserved.seen}`,
      rule: "an event source that is throttled by it counts receives, thirty of which make a dead letter: an event source's maximum concurrency does not",
      fix: "limit the worker by the event source's maximum concurrency, below what is reserved",
    });
  }
  return verdicts;
}

/** What the functions were told of the rest of the stack. */
function checkSettings({ outputs, worker, router, forwarder }: StackDescription): Verdict[] {
  const shards = outputs.get("MailboxShards") ?? "1";
  const told: readonly (readonly [
    FunctionName,
    DescribedFunction,
    Readonly<Record<string, string | undefined>>,
  ])[] = [
    [
      "worker",
      worker,
      {
        ACTOR_TABLE: outputs.get("ActorTable"),
        REPLY_TABLE: outputs.get("ReplyTable"),
        MAILBOX_URL: outputs.get("MailboxUrl"),
        MAILBOX_SHARDS: shards,
        DELAY_URL: outputs.get("DelayUrl"),
        DEAD_LETTER_URL: outputs.get("DeadLetterUrl"),
        SCHEDULE_GROUP: outputs.get("ScheduleGroup"),
      },
    ],
    [
      "router",
      router,
      {
        REPLY_TABLE: outputs.get("ReplyTable"),
        MAILBOX_URL: outputs.get("MailboxUrl"),
        MAILBOX_SHARDS: shards,
        DELAY_URL: outputs.get("DelayUrl"),
      },
    ],
    ["forwarder", forwarder, { MAILBOX_URL: outputs.get("MailboxUrl"), MAILBOX_SHARDS: shards }],
  ];
  return told.flatMap(([name, described, wanted]) => {
    const found = seen(described.function);
    if (found === undefined) return [];
    return Object.entries(wanted).flatMap(([variable, value]) => {
      // One shard is not said.
      const is = found.environment[variable] ?? (variable === "MAILBOX_SHARDS" ? "1" : undefined);
      if (value === undefined || is === value) return [];
      return {
        ...error(
          `${name} ${found.name}`,
          `its ${variable} is ${is ?? "not set"}`,
          variable === "MAILBOX_SHARDS"
            ? `${value}, as the stack says: whoever counts otherwise sends calls to another mailbox than everybody else, and they lose their order`
            : `${value}, as the stack says: it works beside the rest of the stack`,
          "deploy again",
        ),
        setting: `Environment.Variables.${variable}`,
      };
    });
  });
}

function error(of: string, found: string, rule: string, fix: string): Finding {
  return { severity: "error", check: CHECK, of, found, rule, fix };
}
