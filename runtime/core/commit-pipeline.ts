import type { Clock } from "../ports/clock.ts";
import type { Delivery, Mailbox } from "../ports/mailbox.ts";
import type { Replies } from "../ports/replies.ts";
import type { Store } from "../ports/store.ts";
import type { Activation } from "./activation.ts";
import { utf8Length } from "./actor-id.ts";
import { type CommitPlan, groupSize, type PlacedTurn, planCommit, planEmptyOutbox } from "./commit-plan.ts";
import { isKept } from "./envelope-id.ts";
import { Outbox } from "./outbox.ts";
import { encodeOutcome } from "./outcome.ts";
import type { FinishedTurn } from "./run-turn.ts";

/** Outcomes longer than this, in UTF-8 bytes, don't lie in the head: ten of them must stay small. */
const SETTLED_OUTCOME_BYTES = 1024;

/** An outcome and the id that it is filed under. */
export interface Settled {
  readonly id: string;
  readonly text: string;
}

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
  /** Where one-way messages leave to. */
  readonly mailbox: Mailbox;
  readonly clock: Clock;
  /** Milliseconds since the epoch after which nothing is committed any more. */
  readonly commitBy: number;
}

type PlacedDelivery<D> = PlacedTurn & { readonly delivery: D };

/**
 * Pipelined group commit: while one commit is in flight the next turns run, and all that finish meanwhile go
 * into the next commit. At most one commit is in flight. A reply, or a one-way message, leaves only after its commit.
 */
export class CommitPipeline<D extends Delivery> {
  /**
   * Outcomes that are durable, or of turns that only read, by the id that they are filed under. Every commit carries them:
   * those of this batch, and kept ones of earlier batches until they are filed.
   */
  readonly settled: Map<string, string>;
  /** Deliveries that were answered. */
  readonly answered = new Set<D>();
  readonly #activation: Activation;
  readonly #deps: PipelineDeps;
  readonly #outbox: Outbox;
  readonly #finished: PlacedDelivery<D>[] = [];
  readonly #replies: Promise<void>[] = [];
  #running: Promise<void> | undefined;
  #broken: { readonly reason: unknown } | undefined;

  constructor(activation: Activation, settled: ReadonlyMap<string, string>, deps: PipelineDeps) {
    this.#activation = activation;
    this.settled = new Map(settled);
    this.#deps = deps;
    this.#outbox = new Outbox(deps.mailbox, activation.state.head.outbox);
  }

  /** Whether a commit failed: no further turn may run on this activation. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  /** Ignored once the pipeline is broken: the turn ran on state that never became durable. */
  add(delivery: D, turn: FinishedTurn): void {
    if (this.#broken) return;
    const { mark, envelope } = delivery;
    this.#finished.push({ ...turn, delivery, mark, askable: envelope.attempt !== undefined });
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

  /** Answers with an outcome that is durable already; a failure leaves the delivery unanswered. */
  answer(delivery: D, settled: Settled): void {
    this.#replies.push(
      this.#file(settled).then(
        () => void this.answered.add(delivery),
        () => {},
      ),
    );
  }

  /** Files kept outcomes of earlier batches, which may never have been answered; those that are filed need no carrying. */
  fileKept(kept: ReadonlyMap<string, string>): void {
    for (const [id, text] of kept) {
      this.#replies.push(
        this.#file({ id, text }).then(
          () => void this.settled.delete(id),
          () => {},
        ),
      );
    }
  }

  /** Resolves when every reply under way has been written or has failed. */
  async answersSent(): Promise<void> {
    await Promise.all(this.#replies);
  }

  /** Resolves when no message is leaving any more, whichever way it went. */
  async outboxSettled(): Promise<void> {
    await this.#outbox.sent().catch(() => {});
  }

  /**
   * Resolves when every message of a durable turn has left, and the head says so.
   *
   * @throws FencedError
   * @throws what kept a message from leaving
   */
  async outboxEmpty(): Promise<void> {
    const { state } = this.#activation;
    if (state.head.outbox.length === 0) return;
    await this.#outbox.sent();
    await this.#commit({
      commit: planEmptyOutbox(this.#activation.id, state),
      homes: new Map(),
    });
  }

  /**
   * Resolves when the head is still the one that the activation knows.
   *
   * @throws FencedError
   */
  async verify(): Promise<void> {
    const { id, state } = this.#activation;
    const head = await this.#deps.store.hydrate(id);
    if ((head?.version ?? 0) !== state.head.version) throw new FencedError("the head has moved on");
  }

  async #file({ id, text }: Settled): Promise<void> {
    await this.#deps.replies.write(id, text);
    if (isKept(id)) this.#activation.filed.add(id);
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

  async #settle(turns: readonly PlacedDelivery<D>[]): Promise<void> {
    const { id, state } = this.#activation;
    const outcomes = await Promise.all(turns.map((turn) => this.#outcomeOf(turn)));
    if (this.#outbox.unsent.length > 0 && turns.some(({ changes }) => changes.posts.length > 0)) {
      // Messages that have not left lie in the head; it must not grow without bound.
      await this.#outbox.sent();
    }
    const settled = new Map(this.settled);
    for (const outcome of outcomes) settled.set(outcome.id, outcome.text);
    const plan = planCommit(id, state, { turns, settled, unsent: this.#outbox.unsent });
    const { unverified } = state;
    // An entry that arrives from here on may be newer than what is checked now; it sets this again.
    state.unverified = false;
    if (plan) {
      await this.#commit(plan);
    } else {
      this.#checkLease();
      // Entries are read one by one after the head: only an unchanged version makes them one snapshot.
      if (unverified) await this.verify();
    }
    for (const { changes } of turns) this.#outbox.post(changes.posts);
    for (const [index, { delivery }] of turns.entries()) {
      const outcome = outcomes[index];
      if (!outcome) continue;
      this.settled.set(outcome.id, outcome.text);
      this.answer(delivery, outcome);
    }
  }

  /** A refusal is filed under its attempt: another attempt at the same call may still run. */
  async #outcomeOf({ delivery: { envelope }, outcome, ran }: PlacedDelivery<D>): Promise<Settled> {
    const id = ran ? envelope.id : (envelope.attempt ?? envelope.id);
    const text = encodeOutcome(outcome, envelope.fingerprint);
    const short = utf8Length(text) <= SETTLED_OUTCOME_BYTES;
    return { id, text: short ? text : await this.#deps.replies.stash(id, text) };
  }

  async #commit({ commit, homes }: CommitPlan): Promise<void> {
    this.#checkLease();
    const result = await this.#deps.store.commit(commit);
    if (result.status === "fenced") throw new FencedError(`version ${commit.expected} is gone`);
    this.#activation.state.advance(commit.head, homes);
  }

  /** Also for turns that only read: another worker's run of the same envelope may end otherwise, and commit. */
  #checkLease(): void {
    const { clock, commitBy } = this.#deps;
    if (clock.now() > commitBy) throw new LeaseExpiredError("the lease is over");
  }
}
