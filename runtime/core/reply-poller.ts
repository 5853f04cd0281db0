import type { Clock } from "../ports/clock.ts";
import type { Replies } from "../ports/replies.ts";
import { nextLook, type PlannedLook } from "./reply-wait.ts";

/** Most ids in one look. */
export const IDS_PER_LOOK = 100;
/** Looks that one wait may have under way. When reads hang, more of them would only make it worse. */
const MOST_UNDER_WAY = 2;

/**
 * One read of at most 100 different ids: outcome texts by id, without those that have none. An error instead of a text:
 * this id could not be read.
 */
export type Look = (
  ids: readonly string[],
  consistent: boolean,
) => Promise<ReadonlyMap<string, string | Error>>;

interface Waiter {
  readonly ids: readonly string[];
  readonly deadline: number;
  planned: PlannedLook;
  /** How many looks have not come back. */
  underWay: number;
  readonly resolve: (outcome: string | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Waits for replies that have to be looked for. All waits share their looks: a round takes along every wait whose next look
 * is due soon, an id is read once however many wait for it, and what is found answers them all.
 *
 * A wait looks last at its deadline, strongly consistently. A look that fails is made up for by the next one; when the last
 * one fails, the wait rejects with its error. Rounds overlap: a slow one holds up nobody. A wait that begins after its
 * deadline looks once. While nothing is to be looked for, no timer is set.
 */
export function createReplyPoller({ clock, look }: { clock: Clock; look: Look }): Replies["wait"] {
  /** Waits that will look again. */
  const looking = new Set<Waiter>();
  /** All waits that have no answer, by id. */
  const waiting = new Map<string, Set<Waiter>>();
  let timer: { readonly at: number; readonly cancel: () => void } | undefined;

  const disarm = () => {
    timer?.cancel();
    timer = undefined;
  };

  const arm = (at: number) => {
    if (timer && timer.at <= at) return;
    disarm();
    timer = { at, cancel: clock.after(Math.max(0, at - clock.now()), round) };
  };

  const lookNoMore = (waiter: Waiter) => {
    looking.delete(waiter);
    if (looking.size === 0) disarm();
  };

  const forget = (waiter: Waiter) => {
    lookNoMore(waiter);
    for (const id of waiter.ids) {
      const others = waiting.get(id);
      others?.delete(waiter);
      if (others?.size === 0) waiting.delete(id);
    }
  };

  const round = () => {
    timer = undefined;
    const now = clock.now();
    const waiters = [...looking];
    // A timer may fire a little early, or for a wait that has its answer.
    if (waiters.some(({ planned }) => planned.at <= now)) {
      lookFor(
        waiters.filter(({ planned }) => planned.from <= now),
        now,
      );
    }
    if (looking.size > 0) arm(earliest(looking));
  };

  const lookFor = (due: readonly Waiter[], now: number) => {
    const isLast = ({ deadline }: Waiter) => deadline <= now;
    const going = due.filter((waiter) => isLast(waiter) || waiter.underWay < MOST_UNDER_WAY);
    const strong = idsOf(going.filter(isLast));
    const cheap = [...idsOf(going)].filter((id) => !strong.has(id));
    const reads = new Map([...inReads([...strong], true), ...inReads(cheap, false)]);
    for (const waiter of due) {
      waiter.planned = nextLook(waiter.planned, { now, deadline: waiter.deadline });
      if (isLast(waiter)) lookNoMore(waiter);
    }
    for (const waiter of going) void follow(waiter, { reads, last: isLast(waiter) });
  };

  /** Begins to read `ids`; gives the read that each one is in. */
  const inReads = (ids: readonly string[], consistent: boolean) => {
    const reads: [string, ReturnType<Look>][] = [];
    for (let start = 0; start < ids.length; start += IDS_PER_LOOK) {
      const together = ids.slice(start, start + IDS_PER_LOOK);
      const reading = read(together, consistent);
      for (const id of together) reads.push([id, reading]);
    }
    return reads;
  };

  const read: Look = async (ids, consistent) => {
    const found = await look(ids, consistent);
    for (const [id, outcome] of found) {
      if (outcome instanceof Error) continue;
      for (const waiter of [...(waiting.get(id) ?? [])]) {
        forget(waiter);
        waiter.resolve(outcome);
      }
    }
    return found;
  };

  const follow = async (
    waiter: Waiter,
    { reads, last }: { reads: ReadonlyMap<string, ReturnType<Look>>; last: boolean },
  ) => {
    waiter.underWay++;
    const failures: unknown[] = [];
    await Promise.all(
      waiter.ids.map(async (id) => {
        try {
          const found = (await reads.get(id))?.get(id);
          if (found instanceof Error) failures.push(found);
        } catch (error) {
          failures.push(error);
        }
      }),
    );
    waiter.underWay--;
    if (!last) return;
    forget(waiter);
    if (failures.length > 0) waiter.reject(failures[0]);
    else waiter.resolve(undefined);
  };

  return (ids, deadline) =>
    new Promise((resolve, reject) => {
      const planned = nextLook(undefined, { now: clock.now(), deadline });
      const waiter: Waiter = { ids: [...new Set(ids)], deadline, planned, underWay: 0, resolve, reject };
      for (const id of waiter.ids) {
        const others = waiting.get(id);
        if (others) others.add(waiter);
        else waiting.set(id, new Set([waiter]));
      }
      looking.add(waiter);
      arm(planned.at);
    });
}

function idsOf(waiters: readonly Waiter[]): Set<string> {
  return new Set(waiters.flatMap(({ ids }) => ids));
}

/** A loop, since there may be more waits than a call can have arguments. */
function earliest(waiters: Iterable<Waiter>): number {
  let earliest = Number.POSITIVE_INFINITY;
  for (const { planned } of waiters) earliest = Math.min(earliest, planned.at);
  return earliest;
}
