import type { AlarmClock, Wake } from "../ports/alarm-clock.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeadLetters } from "../ports/dead-letters.ts";
import type { Eventual } from "../ports/eventual.ts";
import type { Delivery, Mailbox } from "../ports/mailbox.ts";
import type { Replies } from "../ports/replies.ts";
import type { Store } from "../ports/store.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { ObservedTurn } from "../ports/turn-observer.ts";
import { aboutDelivery } from "./about.ts";
import type { Activation } from "./activation.ts";
import { utf8Length } from "./actor-id.ts";
import {
  type CommitPlan,
  groupSize,
  type PlacedTurn,
  planCommit,
  planEmptyOutbox,
  planMissingWake,
  planStart,
} from "./commit-plan.ts";
import { type Changes, NO_CHANGES } from "./draft.ts";
import { isKept } from "./envelope-id.ts";
import { messageOf } from "./errors.ts";
import { isLater } from "./is-later.ts";
import { Outbox } from "./outbox.ts";
import { crashed, deadLetterReason, encodeOutcome, type Outcome } from "./outcome.ts";
import type { FinishedTurn } from "./run-turn.ts";
import { type OpenStart, startsOf, suspectedOf } from "./trial.ts";

/** Outcomes longer than this, in UTF-8 bytes, don't lie in the head: hundreds of them must stay small. */
const SETTLED_OUTCOME_BYTES = 1024;
/** Outcomes that lie in the head together, in UTF-8 bytes: a batch may bring hundreds of calls, and an item holds 400 KB. */
const SETTLED_BYTES = 128 * 1024;

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
  readonly alarmClock: AlarmClock;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface PipelineOptions {
  /** What is settled so far; the pipeline's own from now on. */
  readonly settled: Map<string, string>;
  /** Whether one delivery is all that comes: then no commit waits for others. */
  readonly alone: boolean;
  /** Milliseconds since the epoch after which nothing is committed any more; read each time, as it moves. */
  readonly times: { readonly commitBy: number };
}

interface PlacedDelivery<D> extends PlacedTurn {
  readonly delivery: D;
  /** Nobody gets an answer to a wake. */
  readonly answer: { readonly outcome: Outcome; readonly ran: boolean } | undefined;
  readonly observed: ObservedTurn | undefined;
}

/**
 * Pipelined group commit: while one commit is in flight the next turns run, and all that finish meanwhile go
 * into the next commit. At most one commit is in flight. A reply, or a one-way message, leaves only after its commit.
 */
export class CommitPipeline<D extends Delivery> {
  /**
   * Outcomes that are durable, or of turns that only read, by the id that they are filed under: those of this batch, and kept ones of
   * earlier batches until they are filed. Each commit carries what may not be on file yet.
   */
  readonly settled: Map<string, string>;
  /** Those of them that are, with nothing left to do for them: the mark that the next commit moves says enough. */
  readonly #onFile = new Set<string>();
  /** Deliveries that were answered. */
  readonly answered = new Set<D>();
  readonly #activation: Activation;
  readonly #deps: PipelineDeps;
  readonly #outbox: Outbox;
  readonly #alone: boolean;
  readonly #times: PipelineOptions["times"];
  readonly #finished: PlacedDelivery<D>[] = [];
  readonly #replies: Promise<void>[] = [];
  #running: Promise<void> | undefined;
  /** Begins the commit that still gathers turns. */
  #hurry = () => {};
  #broken: { readonly reason: unknown } | undefined;

  constructor(activation: Activation, { settled, alone, times }: PipelineOptions, deps: PipelineDeps) {
    this.#activation = activation;
    this.#alone = alone;
    this.#times = times;
    this.settled = settled;
    this.#deps = deps;
    this.#outbox = new Outbox(deps.mailbox, activation.state.head.outbox);
  }

  /** Whether a commit failed: no further turn may run on this activation. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  /** Ignored once the pipeline is broken: the turn ran on state that never became durable. */
  add(delivery: D, { outcome, changes, ran }: FinishedTurn, observed?: ObservedTurn): void {
    const { mark, envelope } = delivery;
    // A start that stays in the head would be held against the next delivery.
    const onTrial = this.#activation.state.head.trial?.id === envelope.id;
    const mustCommit = !outcome.ok || envelope.attempt !== undefined || onTrial;
    const ended = ran || envelope.attempt === undefined ? envelope.id : undefined;
    const suspected = suspectedOf(delivery, { outcome, ran });
    const answer = { outcome, ran };
    this.#add({ delivery, mark, changes, mustCommit, wake: undefined, ended, suspected, answer, observed });
  }

  /** Adds the failure of a delivery that is not run any more, since its runs have ended their workers. */
  giveUp(delivery: D): void {
    const { envelope } = delivery;
    const outcome = crashed(envelope, startsOf(envelope.id, this.#activation.state.head));
    this.add(delivery, { outcome, changes: NO_CHANGES, ran: true });
  }

  /** Adds what became of a wake: it is answered by its commit. */
  addWake(delivery: D, wake: Wake, changes: Changes, observed?: ObservedTurn): void {
    const { mark, envelope } = delivery;
    const trial = { ended: envelope.id, suspected: undefined };
    this.#add({ delivery, mark, changes, mustCommit: true, wake, ...trial, answer: undefined, observed });
  }

  #add(turn: PlacedDelivery<D>): void {
    if (this.#broken) return;
    this.#finished.push(turn);
    this.#running ??= this.#run();
  }

  /**
   * Resolves when every turn added so far is durable.
   *
   * @throws whatever broke the pipeline
   */
  durable(): Eventual<void> {
    this.#hurry();
    const unbroken = () => (this.#broken ? Promise.reject(this.#broken.reason) : undefined);
    return this.#running ? this.#running.then(unbroken) : unbroken();
  }

  /** Resolves when no commit is under way any more, whichever way it went. */
  async ended(): Promise<void> {
    this.#hurry();
    await this.#running;
  }

  /**
   * Writes down that a run begins which may be the end of this worker: every commit before it is durable, and so is this.
   *
   * @throws FencedError
   * @throws LeaseExpiredError
   */
  async begin(envelopeId: string, open: OpenStart): Promise<void> {
    await this.durable();
    const { id, state } = this.#activation;
    if (open.isIn(state.head, envelopeId)) return;
    // A start that is never sent needs no taking back.
    this.#checkLease();
    const plan = planStart(id, state, envelopeId);
    open.write(envelopeId, { before: state.head, after: plan.commit.head });
    await this.#commit(plan);
  }

  /** Answers with an outcome that is durable already; a failure leaves the delivery unanswered. */
  answer(delivery: D, settled: Settled): void {
    const reason = deadLetterReason(settled.text, delivery.envelope);
    const filed = this.#file(settled);
    const ended =
      reason === undefined ? filed : Promise.resolve(filed).then(() => this.#bury(delivery, reason));
    const answered = () => {
      this.answered.add(delivery);
      this.#onFile.add(settled.id);
    };
    if (ended) this.#replies.push(ended.then(answered, () => {}));
    else answered();
  }

  /** After the commit: what a rival could still apply must not lie among the dead letters. Before the message is taken off the mailbox. */
  async #bury(delivery: D, reason: string): Promise<void> {
    const { deadLetters, telemetry } = this.#deps;
    const { envelope } = delivery;
    const detail = { ...aboutDelivery(delivery), version: this.#activation.state.head.version };
    try {
      await deadLetters.add(envelope, reason);
    } catch (error) {
      telemetry.problem("dead letter not sent", { ...detail, reason: messageOf(error) });
      throw error;
    }
    telemetry.problem("envelope given up", { ...detail, reason });
    telemetry.count("EnvelopesCrashed", { type: envelope.to.type });
  }

  /** Files kept outcomes of earlier batches, which may never have been answered; those that are filed need no carrying. */
  fileKept(kept: ReadonlyMap<string, string>): void {
    for (const [id, text] of kept) {
      this.#replies.push(
        Promise.resolve(this.#file({ id, text })).then(
          () => void this.settled.delete(id),
          () => {},
        ),
      );
    }
  }

  /** Resolves when every reply under way has been written or has failed. */
  answersSent(): Eventual<unknown> {
    return this.#replies.length > 0 ? Promise.all(this.#replies) : undefined;
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
    await this.#outbox.sent();
    await this.#commit(planEmptyOutbox(this.#activation.id, state));
  }

  /**
   * Resolves when the alarm does not depend on a wake that was lost.
   *
   * @throws FencedError
   */
  async wakeArmed(): Promise<void> {
    const { id, state } = this.#activation;
    const plan = planMissingWake(id, state, this.#deps.clock.now());
    if (plan) await this.#commit(plan);
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

  #file({ id, text }: Settled): Eventual<void> {
    const written = this.#deps.replies.write(id, text);
    if (!isKept(id)) return written;
    return Promise.resolve(written).then(() => void this.#activation.filed.add(id));
  }

  async #run(): Promise<void> {
    try {
      // Turns that need no input or output all join the first commit, unless somebody waits for it already.
      if (!this.#alone) {
        await new Promise<void>((resolve) => {
          this.#hurry = resolve;
          this.#deps.clock.idle().then(resolve);
        });
      }
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
    const settled = this.#owed();
    const placed = this.#outcomesOf(turns, SETTLED_BYTES - sumOfLengths(settled.values()));
    const outcomes = isLater(placed) ? await placed : placed;
    if (this.#outbox.unsent.length > 0 && turns.some(({ changes }) => changes.posts.length > 0)) {
      // Messages that have not left lie in the head; it must not grow without bound.
      await this.#outbox.sent();
    }
    for (const outcome of outcomes) if (outcome) settled.set(outcome.id, outcome.text);
    const now = this.#deps.clock.now();
    const plan = planCommit(id, state, { turns, settled, unsent: this.#outbox.unsent, now });
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
    for (const [index, { delivery, observed }] of turns.entries()) {
      const outcome = outcomes[index];
      observed?.durable(state.head.version);
      if (outcome) {
        this.settled.set(outcome.id, outcome.text);
        this.answer(delivery, outcome);
      } else {
        this.answered.add(delivery);
      }
    }
  }

  /** Without what is on file a batch of many commits would write its outcomes once with each of them. */
  #owed(): Map<string, string> {
    const owed = new Map<string, string>();
    for (const [id, text] of this.settled) if (!this.#onFile.has(id)) owed.set(id, text);
    return owed;
  }

  /** The outcomes of turns as they lie in the head: the text, or what stands for one that would take too much room there. */
  #outcomesOf(
    turns: readonly PlacedDelivery<D>[],
    headRoom: number,
  ): readonly (Settled | undefined)[] | Promise<readonly (Settled | undefined)[]> {
    let room = headRoom;
    let stashes = false;
    const outcomes = turns.map(({ delivery: { envelope }, answer }) => {
      if (!answer) return undefined;
      const { outcome, ran } = answer;
      // A refusal is filed under its attempt: another attempt at the same call may still run.
      const id = ran ? envelope.id : (envelope.attempt ?? envelope.id);
      const text = encodeOutcome(outcome, envelope.fingerprint);
      const bytes = utf8Length(text);
      // What says that an envelope was given up is looked for in the head.
      if (bytes <= SETTLED_OUTCOME_BYTES && (bytes <= room || isGivenUp(outcome))) {
        room -= bytes;
        return { id, text };
      }
      stashes = true;
      return this.#deps.replies.stash(id, text).then((stashed) => ({ id, text: stashed }));
    });
    return stashes ? Promise.all(outcomes) : (outcomes as (Settled | undefined)[]);
  }

  async #commit({ commit, homes, arm }: CommitPlan): Promise<void> {
    // Before the commit: a crash in between leaves a wake that means nothing, never an alarm that nothing wakes.
    if (arm) await this.#deps.alarmClock.arm(commit.id, arm);
    this.#checkLease();
    const result = await this.#deps.store.commit(commit);
    if (result.status === "fenced") throw new FencedError(`version ${commit.expected} is gone`);
    this.#activation.state.advance(commit.head, homes);
    this.#deps.telemetry.work?.add("Commits", 1, commit.id);
  }

  /** Also for turns that only read: another worker's run of the same envelope may end otherwise, and commit. */
  #checkLease(): void {
    if (this.#deps.clock.now() > this.#times.commitBy) throw new LeaseExpiredError("the lease is over");
  }
}

function isGivenUp(outcome: Outcome): boolean {
  return !outcome.ok && outcome.error.deadLetter !== undefined;
}

function sumOfLengths(texts: Iterable<string>): number {
  let bytes = 0;
  for (const text of texts) bytes += utf8Length(text);
  return bytes;
}
