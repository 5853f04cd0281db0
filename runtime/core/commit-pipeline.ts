import type { Clock } from "../ports/clock.ts";
import type { Delivery } from "../ports/mailbox.ts";
import type { Replies } from "../ports/replies.ts";
import type { Store } from "../ports/store.ts";
import type { Activation } from "./activation.ts";
import { utf8Length } from "./actor-id.ts";
import { groupSize, type PlacedTurn, planCommit } from "./commit-plan.ts";
import { encodeOutcome } from "./outcome.ts";
import type { FinishedTurn } from "./run-turn.ts";

/** Outcomes longer than this, in UTF-8 bytes, don't lie in the head: ten of them must stay small. */
const SETTLED_OUTCOME_BYTES = 1024;

/** Another worker committed first. Worker: drop the activation, hydrate again, run what is not settled. */
export class FencedError extends Error {
  override readonly name = "FencedError";
}

/** The lease may be over, so somebody else may have the mailbox. Worker: leave the rest to redelivery. */
export class LeaseExpiredError extends Error {
  override readonly name = "LeaseExpiredError";
}

export interface PipelineDeps {
  readonly store: Store;
  readonly replies: Replies;
  readonly clock: Clock;
  /** Milliseconds since the epoch after which nothing is committed any more. */
  readonly commitBy: number;
}

/**
 * Pipelined group commit: while one commit is in flight the next turns run, and all that finish meanwhile go
 * into the next commit. At most one commit is in flight. A reply leaves only after its commit.
 */
export class CommitPipeline<D extends Delivery> {
  /** Outcomes of the batch that are durable or read-only, by envelope id. Every commit carries them. */
  readonly settled: Map<string, string>;
  /** Deliveries that were answered. */
  readonly answered = new Set<D>();
  readonly #activation: Activation;
  readonly #deps: PipelineDeps;
  readonly #finished: (PlacedTurn & { readonly delivery: D })[] = [];
  readonly #replies: Promise<void>[] = [];
  #running: Promise<void> | undefined;
  #broken: { readonly reason: unknown } | undefined;

  constructor(activation: Activation, settled: ReadonlyMap<string, string>, deps: PipelineDeps) {
    this.#activation = activation;
    this.settled = new Map(settled);
    this.#deps = deps;
  }

  /** Whether a commit failed: no further turn may run on this activation. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  /** Ignored once the pipeline is broken: the turn ran on state that never became durable. */
  add(delivery: D, turn: FinishedTurn): void {
    if (this.#broken) return;
    this.#finished.push({ ...turn, delivery, mark: delivery.mark });
    this.#running ??= this.#run();
  }

  /**
   * Resolves when every turn added so far is durable.
   *
   * @throws whatever broke the pipeline
   */
  async durable(): Promise<void> {
    await this.#running;
    if (this.#broken) throw this.#broken.reason;
  }

  /** Files an outcome that is durable already; a failure leaves the delivery unanswered. */
  answer(delivery: D, outcome: string): void {
    const written = this.#deps.replies.write(delivery.envelope.id, outcome);
    this.#replies.push(
      written.then(
        () => void this.answered.add(delivery),
        () => {},
      ),
    );
  }

  /** Resolves when every reply under way has been written or has failed. */
  async answersSent(): Promise<void> {
    await Promise.all(this.#replies);
  }

  async #run(): Promise<void> {
    try {
      // Turns that need no input or output all join the first commit.
      await this.#deps.clock.idle();
      while (this.#finished.length > 0) {
        await this.#settle(this.#finished.splice(0, groupSize(this.#finished)));
      }
    } catch (reason) {
      this.#broken = { reason };
    } finally {
      this.#running = undefined;
    }
  }

  async #settle(turns: readonly (PlacedTurn & { readonly delivery: D })[]): Promise<void> {
    const { store, replies, clock, commitBy } = this.#deps;
    const { id, state } = this.#activation;
    const settled = new Map(this.settled);
    for (const { delivery, outcome } of turns) {
      const text = encodeOutcome(outcome);
      const short = utf8Length(text) <= SETTLED_OUTCOME_BYTES;
      settled.set(delivery.envelope.id, short ? text : await replies.stash(delivery.envelope.id, text));
    }
    const plan = planCommit(id, state, { turns, settled });
    // Also for turns that only read: another worker's run of the same envelope may end otherwise, and commit.
    if (clock.now() > commitBy) throw new LeaseExpiredError("the lease is over");
    const { unverified } = state;
    // An entry that arrives from here on may be newer than what is checked now; it sets this again.
    state.unverified = false;
    if (plan) {
      const result = await store.commit(plan.commit);
      if (result.status === "fenced") throw new FencedError(`version ${plan.commit.expected} is gone`);
      state.advance(plan.commit.head, plan.homes);
    } else if (unverified) {
      // Entries are read one by one after the head: only an unchanged version makes them one snapshot.
      const head = await store.hydrate(id);
      if ((head?.version ?? 0) !== state.head.version) throw new FencedError("read across two versions");
    }
    for (const { delivery } of turns) {
      const text = settled.get(delivery.envelope.id);
      if (text === undefined) continue;
      this.settled.set(delivery.envelope.id, text);
      this.answer(delivery, text);
    }
  }
}
