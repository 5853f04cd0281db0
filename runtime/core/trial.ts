import type { Delivery } from "../ports/mailbox.ts";
import type { Head, Trial } from "../ports/store.ts";
import { ActorDeadlineError } from "./errors.ts";
import type { FinishedTurn } from "./run-turn.ts";

/** When an envelope is suspected of ending its workers, and when it is given up. */
export interface TrialRules {
  /** Receives from which on each run is written down before it begins: an ordinary redelivery costs nothing. */
  readonly fromReceives: number;
  /** Runs that may begin and not end. */
  readonly starts: number;
}

export const TRIAL: TrialRules = { fromReceives: 3, starts: 4 };

/**
 * Whether a run of this delivery must be written down before it begins: it was received often, or another attempt at the
 * same call is under suspicion.
 */
export function isOnTrial(
  { envelope, receives }: Delivery,
  { trial }: Pick<Head, "trial">,
  { fromReceives }: TrialRules,
): boolean {
  return receives >= fromReceives || trial?.id === envelope.id;
}

/** How many of its runs have begun and never ended. */
export function startsOf(id: string, { trial }: Pick<Head, "trial">): number {
  return trial?.id === id ? trial.starts : 0;
}

/**
 * The call that is under suspicion from now on, since this attempt came again and was refused only because it was too late: the
 * run before may have ended its worker, and so may the next attempt, a message of its own that was never received before.
 */
export function suspectedOf(
  { envelope, receives }: Delivery,
  { outcome, ran }: Pick<FinishedTurn, "outcome" | "ran">,
): string | undefined {
  const late = !ran && !outcome.ok && outcome.error.name === ActorDeadlineError.name;
  return late && receives > 1 && envelope.attempt !== undefined ? envelope.id : undefined;
}

/** What a turn means for the trial in the head: it ends that of `ended`, or puts `suspected` under suspicion. */
export function trialAfter(
  trial: Trial | undefined,
  { ended, suspected }: { ended: string | undefined; suspected: string | undefined },
): Trial | undefined {
  if (suspected !== undefined && suspected !== trial?.id) return { id: suspected, starts: 0 };
  return ended !== undefined && ended === trial?.id ? undefined : trial;
}

/** The last start of a batch that was written down, while its run has not ended durably. */
export class OpenStart {
  #start: { readonly id: string; readonly before: Head; readonly after: Head } | undefined;

  /** To be called before it is written: whether it lands may stay unknown. */
  write(id: string, { before, after }: { before: Head; after: Head }): void {
    this.#start = { id, before, after };
  }

  /**
   * Whether what this head says of an envelope is what this very process has written, and survived. A rival's commit may have
   * landed in the place of the one that wrote it, with the same version; but none has the same trial, unless it wrote the same.
   */
  isIn({ version, trial }: Head, id: string): boolean {
    if (this.#start?.id !== id || trial?.id !== id) return false;
    const { after } = this.#start;
    return after.version === version && after.trial?.starts === trial.starts;
  }

  /** Its run has ended, and a commit says so. */
  end(): void {
    this.#start = undefined;
  }

  /** Whether what was begun is among these. */
  isHeldAgainst(ids: readonly string[]): boolean {
    return this.#start !== undefined && ids.includes(this.#start.id);
  }

  /**
   * The head to write over the one that was found, so that this start counts for nothing from then on; `undefined` when it does
   * so anyway.
   */
  takenFrom(found: Head | undefined): Head | undefined {
    if (this.#start === undefined) return undefined;
    const { id, before } = this.#start;
    if (found && this.isIn(found, id)) return { ...found, version: found.version + 1, trial: before.trial };
    // Its write was taken for lost and may still land on this head: a commit in its place, which changes nothing, keeps it off.
    if ((found?.version ?? 0) !== before.version) return undefined;
    return { ...(found ?? before), version: before.version + 1 };
  }
}
