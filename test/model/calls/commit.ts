import type { Ending, RunEnding } from "./scenario.ts";
import {
  attemptId,
  type Commit,
  filterOutcomes,
  type Head,
  idsOf,
  isGivenUp,
  isKept,
  type Outcomes,
  openOf,
  type Setting,
  specOf,
  type Worker,
  withOutcomes,
} from "./state.ts";

/** Turns that ran one after the other and share a commit. */
export interface Group {
  /** The run of this message takes the worker with it, before anything of the group is committed. */
  readonly killer?: number;
  readonly turns: Commit["turns"];
  readonly outcomes: Outcomes;
  /** What is left of the batch. */
  readonly todo: readonly number[];
}

/** Whether the start of a run of this message is written down before it begins. */
export function isOnTrial({ often, head }: Worker, message: number, { scenario, rules }: Setting): boolean {
  return (
    rules.writeStarts && (often.includes(message) || head.trial?.call === specOf(scenario, message).call)
  );
}

/** Whether the head has this worker's own start of a call: it lives, so that it needs no other one. */
export function hasBegun({ begun, head }: Worker, call: string, { rules }: Setting): boolean {
  return rules.ownStart && begun?.call === call && isHead(begun.after, head);
}

/** How many runs of a call began and never ended. */
export function startsOf({ head }: Worker, call: string): number {
  return head.trial?.call === call ? head.trial.starts : 0;
}

/** Every way in which the next turns of the batch may run: how many of them, and how each ends. */
export function* groups(worker: Worker, setting: Setting): Iterable<Group> {
  const { todo, certain } = worker;
  const { scenario, rules } = setting;
  yield* longer({ turns: [], outcomes: {}, todo });

  function* longer(group: Group): Iterable<Group> {
    const [message, ...rest] = group.todo;
    if (message === undefined) return;
    const spec = specOf(scenario, message);
    // Another attempt at a call that this worker has just run: it gets the same outcome.
    const decided = group.outcomes[spec.call] ?? certain[spec.call];
    const onTrial = isOnTrial(worker, message, setting);
    // Its start is written first, when all before it is durable; and it is durable before the next one runs.
    const begun = worker.begun?.call === spec.call && isHead(worker.begun.after, worker.head);
    if (onTrial && !decided && (!begun || group.turns.length > 0)) return;
    for (const ending of decided ? [undefined] : spec.endings) {
      if (ending === "kills") {
        yield { ...group, killer: message };
        continue;
      }
      const next: Group = {
        turns: ending ? [...group.turns, [message, ending]] : group.turns,
        outcomes: ending ? withOutcomes(group.outcomes, outcomeOf(message, ending)) : group.outcomes,
        todo: rest,
      };
      yield next;
      if (!onTrial || !rules.trialAlone) yield* longer(next);
    }
  }

  function outcomeOf(message: number, ending: RunEnding & Ending): Outcomes {
    const spec = specOf(scenario, message);
    return { [spec.attempt && ending === "refused" ? attemptId(spec, message) : spec.call]: ending };
  }
}

/** The commit for a group, or `undefined` when none of its turns needs one. */
export function commitOf(worker: Worker, { turns, outcomes }: Group, setting: Setting): Commit | undefined {
  const { scenario, rules } = setting;
  const needed = ([message, ending]: Commit["turns"][number]) => {
    const { attempt, call } = specOf(scenario, message);
    if (ending === "read" && rules.commitTrialReads && worker.head.trial?.call === call) return true;
    if (ending === "read") return rules.commitKeptReads && attempt;
    return ending !== "refused" || rules.commitRefusals;
  };
  if (!turns.some(needed)) return undefined;
  const { head } = worker;
  const ended = turns.some(([message]) => head.trial?.call === specOf(scenario, message).call);
  const waiting = rules.carryOutbox ? head.outbox.filter((message) => !worker.sent.includes(message)) : [];
  return {
    expected: head.version,
    head: {
      version: head.version + 1,
      mark: Math.max(head.mailbox === worker.mailbox ? head.mark : -1, ...turns.map(([message]) => message)),
      mailbox: worker.mailbox,
      settled: settledAfter(worker, outcomes, setting),
      outbox: [...waiting, ...turns.flatMap(([message, ending]) => (ending === "sent" ? [message] : []))],
      trial: ended ? undefined : head.trial,
    },
    turns,
  };
}

/** The write that empties the outbox. It moves no mark, so no outcome may go: somebody else's batch may rely on it. */
export function emptyingOf(worker: Worker, setting: Setting): Commit {
  const { head } = worker;
  const settled = setting.rules.emptyKeepsSettled ? head.settled : settledAfter(worker, {}, setting);
  return {
    expected: head.version,
    head: { ...head, version: head.version + 1, settled, outbox: [] },
    turns: [],
  };
}

/** The write that says that a run of a call begins; the worker knows the starts before it. */
export function startOf({ head }: Worker, call: string): Commit {
  const starts = (head.trial?.call === call ? head.trial.starts : 0) + 1;
  return {
    expected: head.version,
    head: { ...head, version: head.version + 1, trial: { call, starts } },
    turns: [],
  };
}

/** Whether a head is the one that a start was written into: other commits may have its version, but not its trial. */
function isHead({ version, trial }: Head, head: Head): boolean {
  return head.version === version && head.trial?.call === trial?.call && head.trial?.starts === trial?.starts;
}

/**
 * The write that takes a start back out of the head that has it, or keeps it off the head that it may still land on; `undefined`
 * when it is not in this head and can't get there.
 */
export function takingBackOf(
  { before, after }: NonNullable<Worker["begun"]>,
  head: Head,
  { rules }: Setting,
): Commit | undefined {
  if (rules.takeBack === "never") return undefined;
  if (rules.takeBack === "blindly" || isHead(after, head)) {
    return {
      expected: after.version,
      head: { ...after, version: after.version + 1, trial: before.trial },
      turns: [],
    };
  }
  if (!rules.keepStartOff || head.version !== before.version) return undefined;
  return { expected: head.version, head: { ...head, version: head.version + 1 }, turns: [] };
}

/** Outcomes of the batch so far, and of kept calls that the head held and whose reply may not be filed. */
function settledAfter(worker: Worker, outcomes: Outcomes, setting: Setting): Outcomes {
  const { scenario, rules } = setting;
  if (rules.settled === "none") return {};
  const ids = openOf(worker).flatMap((message) => idsOf(scenario, message));
  const heldOver = filterOutcomes(
    worker.head.settled,
    (id) => rules.keepUnfiled && isKept(scenario, id) && !ids.includes(id) && !worker.filed.includes(id),
  );
  const owed = filterOutcomes(worker.certain, (id) => isOwed(id, worker, setting));
  const batch = rules.settled === "batch" ? withOutcomes(owed, outcomes) : outcomes;
  const settled = withOutcomes(heldOver, batch);
  return rules.settledReads ? settled : filterOutcomes(settled, (id) => settled[id] !== "read");
}

/** Whether an outcome must still be told: it is not on file, or says that a message becomes a dead letter which is none yet. */
function isOwed(
  id: string,
  { certain, filed, batch, buried }: Worker,
  { scenario, rules }: Setting,
): boolean {
  if (!filed.includes(id)) return true;
  const becomesLetter = (message: number) =>
    specOf(scenario, message).call === id && isGivenUp(certain, id, message) && !buried.includes(message);
  return rules.leaveOut !== "what is on file" && batch.some(becomesLetter);
}
