import type { StateHealth } from "../../../runtime/adapters/local/state-health.ts";
import { duration, printable, shownTime } from "../../shown.ts";
import type { Verdict } from "../finding.ts";

const CHECK = "state";

/** A state file as it was found. */
export interface StateDescription {
  readonly file: string;
  readonly now: number;
  /** Where the server answers that has it open, if one says so. */
  readonly server: string | undefined;
  readonly health: StateHealth;
}

/** What is wrong with the state of an embedded server. */
export function checkStateFile({ file, now, server, health }: StateDescription): Verdict[] {
  const { damage, messages, unsent, overdue, deadLetters } = health;
  const verdicts: Verdict[] = [];
  if (damage.length > 0) {
    verdicts.push({
      severity: "error",
      check: CHECK,
      of: file,
      found: `the file is damaged: ${printable(damage.join("; "))}`,
      rule: "SQLite finds its own file whole",
      fix: "stop the server, keep a copy of the folder, take what can be read with actors export, and restore a backup",
    });
  }
  if (deadLetters.count > 0) {
    const oldest =
      deadLetters.oldest === undefined ? "" : `, the oldest from ${shownTime(deadLetters.oldest, now)}`;
    verdicts.push({
      severity: "error",
      check: "dead letters",
      of: file,
      found: `${deadLetters.count} dead letter${deadLetters.count === 1 ? "" : "s"}${oldest}`,
      rule: "these calls ended their process each time that they ran: nobody has settled them",
      fix: "actors dlq list, mend the cause, then actors dlq redrive",
    });
  }
  const waits = server === undefined ? "note" : "warning";
  const start = "start the server: actors dev <project folder>, or actors start";
  if (overdue.count > 0) {
    verdicts.push({
      severity: waits,
      check: "unfinished",
      of: file,
      found: `${overdue.count} alarms are overdue, the oldest by ${duration(now - (overdue.oldest ?? now))}`,
      rule: "a server that runs fires them within seconds, some at a time",
      fix:
        server === undefined
          ? start
          : "look at what it prints: their instances may be busy, or of a type that is not bound now",
    });
  }
  const left = messages.count + unsent;
  if (left > 0) {
    verdicts.push({
      severity: "note",
      check: "unfinished",
      of: file,
      found: `${messages.count} one-way messages are not delivered, and ${unsent} instances have messages that have not left`,
      rule: "they lie in the file until a server delivers them",
      fix:
        server === undefined
          ? start
          : "look again: a busy server always has some; a receiver on another server may be out of reach",
    });
  }
  return verdicts;
}
