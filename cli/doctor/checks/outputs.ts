import type { StackDescription } from "../description.ts";
import type { Verdict } from "../finding.ts";

/** What the commands know a stack by; `MailboxShards` and `Types` may be missing. */
const NEEDED = [
  "ActorTable",
  "ReplyTable",
  "MailboxUrl",
  "DeadLetterUrl",
  "DelayUrl",
  "DelayDeadLetterUrl",
  "ScheduleGroup",
  "WorkerName",
  "RouterName",
  "WorkerLogs",
  "RouterLogs",
  "ForwarderLogs",
];

export function checkOutputs({ stack, outputs }: StackDescription): Verdict[] {
  const missing = NEEDED.filter((name) => !outputs.has(name));
  if (missing.length === 0) return [];
  return [
    {
      severity: "error",
      check: "outputs",
      of: `stack ${stack}`,
      found: `it has no output ${missing.join(", ")}`,
      rule: "the commands find what a stack is made of by its outputs: what these name can't be looked at, listed or put back",
      fix: "deploy it with this version, or give a stack of your own the outputs of cdk/stack.ts",
    },
  ];
}
