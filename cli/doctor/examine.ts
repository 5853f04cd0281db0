import { checkAuth } from "./checks/auth.ts";
import { checkDeadLetters } from "./checks/dead-letters.ts";
import { checkDelayLine } from "./checks/delay-line.ts";
import { checkDrift } from "./checks/drift.ts";
import { checkEventSources } from "./checks/event-sources.ts";
import { checkFunctions } from "./checks/functions.ts";
import { checkLogs } from "./checks/logs.ts";
import { checkMailboxes } from "./checks/mailboxes.ts";
import { checkOutputs } from "./checks/outputs.ts";
import { checkQuotas } from "./checks/quotas.ts";
import { checkSchedules } from "./checks/schedules.ts";
import { checkStack } from "./checks/stack.ts";
import { checkTables } from "./checks/tables.ts";
import { checkUnfinished } from "./checks/unfinished.ts";
import { checkVersions } from "./checks/versions.ts";
import type { StackDescription } from "./description.ts";
import type { Verdict } from "./finding.ts";

/** Everything that is judged of a deployed stack. */
const ALL: readonly ((description: StackDescription) => Verdict[])[] = [
  checkOutputs,
  checkStack,
  checkAuth,
  checkMailboxes,
  checkDelayLine,
  checkDeadLetters,
  checkTables,
  checkEventSources,
  checkFunctions,
  checkVersions,
  checkLogs,
  checkQuotas,
  checkSchedules,
  checkUnfinished,
  checkDrift,
];

export function examine(description: StackDescription): Verdict[] {
  return ALL.flatMap((check) => check(description));
}
