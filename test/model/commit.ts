import type { Ending } from "./scenario.ts";
import {
  attemptId,
  type Commit,
  filterOutcomes,
  idsOf,
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
  readonly turns: Commit["turns"];
  readonly outcomes: Outcomes;
  /** What is left of the batch. */
  readonly todo: readonly number[];
}

/** Every way in which the next turns of the batch may run: how many of them, and how each ends. */
export function* groups({ todo, certain }: Worker, { scenario }: Setting): Iterable<Group> {
  yield* longer({ turns: [], outcomes: {}, todo });

  function* longer(group: Group): Iterable<Group> {
    const [message, ...rest] = group.todo;
    if (message === undefined) return;
    const spec = specOf(scenario, message);
    // Another attempt at a call that this worker has just run: it gets the same outcome.
    const decided = group.outcomes[spec.call] ?? certain[spec.call];
    for (const ending of decided ? [undefined] : spec.endings) {
      const next: Group = {
        turns: ending ? [...group.turns, [message, ending]] : group.turns,
        outcomes: ending ? withOutcomes(group.outcomes, outcomeOf(message, ending)) : group.outcomes,
        todo: rest,
      };
      yield next;
      yield* longer(next);
    }
  }

  function outcomeOf(message: number, ending: Ending): Outcomes {
    const spec = specOf(scenario, message);
    return { [spec.attempt && ending === "refused" ? attemptId(spec, message) : spec.call]: ending };
  }
}

/** The commit for a group, or `undefined` when none of its turns needs one. */
export function commitOf(worker: Worker, { turns, outcomes }: Group, setting: Setting): Commit | undefined {
  const { scenario, rules } = setting;
  const needed = ([message, ending]: Commit["turns"][number]) => {
    if (ending === "read") return rules.commitKeptReads && specOf(scenario, message).attempt;
    return ending !== "refused" || rules.commitRefusals;
  };
  if (!turns.some(needed)) return undefined;
  const { head } = worker;
  const waiting = rules.carryOutbox ? head.outbox.filter((message) => !worker.sent.includes(message)) : [];
  return {
    expected: head.version,
    head: {
      version: head.version + 1,
      mark: Math.max(head.mark, ...turns.map(([message]) => message)),
      settled: settledAfter(worker, outcomes, setting),
      outbox: [...waiting, ...turns.flatMap(([message, ending]) => (ending === "sent" ? [message] : []))],
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

/** Outcomes of the batch so far, and of kept calls that the head held and whose reply may not be filed. */
function settledAfter(worker: Worker, outcomes: Outcomes, { scenario, rules }: Setting): Outcomes {
  if (rules.settled === "none") return {};
  const ids = openOf(worker).flatMap((message) => idsOf(scenario, message));
  const heldOver = filterOutcomes(
    worker.head.settled,
    (id) => rules.keepUnfiled && isKept(scenario, id) && !ids.includes(id) && !worker.filed.includes(id),
  );
  const batch = rules.settled === "batch" ? withOutcomes(worker.certain, outcomes) : outcomes;
  const settled = withOutcomes(heldOver, batch);
  return rules.settledReads ? settled : filterOutcomes(settled, (id) => settled[id] !== "read");
}
