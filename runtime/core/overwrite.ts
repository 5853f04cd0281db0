import type { AlarmClock } from "../ports/alarm-clock.ts";
import type { Clock } from "../ports/clock.ts";
import type { ActorId } from "../ports/mailbox.ts";
import type { Commit, CommitResult, Head, Store } from "../ports/store.ts";
import { planCommit } from "./commit-plan.ts";
import { NEW_HEAD, State } from "./state.ts";

/** What an operator puts in the place of all that an instance holds; nothing at all deletes it. */
export interface Overwrite {
  /** The version that was looked at; 0: there was none. */
  readonly expected: number;
  /** Codec texts by key. */
  readonly values: ReadonlyMap<string, string>;
  /** In ms since the epoch; one that is due comes a moment later. */
  readonly alarm: number | undefined;
}

export interface OverwriteDeps {
  readonly store: Store;
  readonly alarmClock: AlarmClock;
  readonly clock: Clock;
}

/**
 * How far ahead an alarm is at least, in ms: its wake is armed before the commit, and one that a worker gets first has it fence the
 * commit off.
 */
const LEAST_AHEAD_MS = 2_000;
/** Values of older generations cleared away at a time. */
const SWEPT_AT_ONCE = 1_000;

/**
 * Replaces all that an instance holds by one commit like any other: fenced by the version, so that a worker which runs the instance
 * either commits before and is seen, or is fenced and hydrates again.
 *
 * What tells old messages stays: the version, the mark, what is settled, a trial. An envelope that comes again is not applied to
 * what is there now. Messages that committed turns have sent still leave.
 *
 * @throws when it is unknown whether it landed
 */
export async function overwrite(
  id: ActorId,
  { expected, values, alarm }: Overwrite,
  { store, alarmClock, clock }: OverwriteDeps,
): Promise<CommitResult> {
  const head = (await store.hydrate(id)) ?? NEW_HEAD;
  if (head.version !== expected) return { status: "fenced" };
  const now = clock.now();
  const changes = {
    cleared: true,
    writes: values,
    posts: [],
    alarm: alarm === undefined ? null : { at: Math.max(alarm, now + LEAST_AHEAD_MS), retries: 0 },
  };
  const turn = { changes, mark: undefined, mustCommit: true, wake: undefined };
  const plan = planCommit(id, new State(head, NO_ENTRIES), {
    turns: [{ ...turn, ended: undefined, suspected: undefined }],
    settled: head.settled,
    unsent: head.outbox,
    now,
  });
  if (plan === undefined) throw new Error("a commit that clears everything is planned in any case");
  if (plan.arm) await alarmClock.arm(id, plan.arm);
  const { status } = await store.commit(plan.commit);
  // A request whose answer got lost is sent again by itself, and then finds its own commit: the head tells.
  if (status === "fenced" && !(await hasLanded(plan.commit, store))) return { status };
  // Nobody may ever call the instance again, and clear away what lies behind.
  await clearAway(id, { store, head: plan.commit.head });
  return { status: "committed" };
}

/** Whether the instance holds what this commit puts there: if another operator's has put the same, that is as good. */
async function hasLanded({ id, head, entries }: Commit, store: Store): Promise<boolean> {
  const found = await store.hydrate(id);
  if (!found || !isSame(found, head)) return false;
  for (const [key, text] of entries) {
    if ((await store.readEntry(id, head.generation, key)) !== text) return false;
  }
  return true;
}

/** Whether a head is that of this commit, entries aside: no worker's replaces everything and leaves the mark where it was. */
function isSame(found: Head, { version, generation, mark, inline, spilled, alarm }: Head): boolean {
  return (
    found.version === version &&
    found.generation === generation &&
    found.mark?.queue === mark?.queue &&
    found.mark?.sequence === mark?.sequence &&
    found.mark?.index === mark?.index &&
    found.spilled === spilled &&
    found.alarm?.at === alarm?.at &&
    found.inline.size === inline.size &&
    [...inline].every(([key, text]) => found.inline.get(key) === text)
  );
}

/** The commit has landed, whatever becomes of this: what stays behind goes as the instance is called. */
async function clearAway(id: ActorId, { store, head }: { store: Store; head: Head }): Promise<void> {
  try {
    while (!(await store.sweep(id, head, SWEPT_AT_ONCE)));
  } catch {}
}

/** Everything is cleared first: nothing of what was there is read. */
const NO_ENTRIES = {
  read: () => Promise.reject(new Error("nothing is read")),
  list: () => Promise.reject(new Error("nothing is read")),
};
