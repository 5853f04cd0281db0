import { AsyncLocalStorage } from "node:async_hooks";
import type { Alarm } from "../ports/alarm-clock.ts";
import type { Clock } from "../ports/clock.ts";
import type { Eventual } from "../ports/eventual.ts";
import type { TraceContext } from "../ports/mailbox.ts";
import { Draft } from "./draft.ts";
import { ActorOutputGateError, messageOf } from "./errors.ts";
import type { Operation } from "./operation.ts";
import type { State } from "./state.ts";

/** The turn that the running code belongs to, also across `await`. Stray work keeps the turn that started it. */
export const currentTurn = new AsyncLocalStorage<Turn>();

/** One envelope executed: the draft of its writes and the storage operations it started. */
export class Turn {
  readonly state: State;
  readonly draft = new Draft();
  /** Milliseconds since the epoch at which the turn's budget ends. */
  readonly deadline: number;
  /** Keys of the instances that wait for this turn, and last its own: a call to one of them would wait for ever. */
  readonly chain: readonly string[];
  /** The trace of the call that it runs. */
  readonly trace: TraceContext | undefined;
  /** Resolves when everything that the turn has read is durable; its output must not leave before. */
  readonly readsDurable: () => Eventual<void>;
  /** Whether the alarm's handler runs: then the alarm that fired is gone. */
  firing = false;
  #open = true;
  /** Operations so far, and those of them that have not settled. */
  #begun = 0;
  #pending = 0;
  #quiet: (() => void) | undefined;
  #poison: ActorOutputGateError | undefined;
  #blockers: Set<Promise<unknown>> | undefined;
  readonly #unobserved: { readonly operation: Operation<unknown>; readonly reason: unknown }[] = [];

  constructor(
    state: State,
    options: {
      deadline: number;
      chain: readonly string[];
      trace: TraceContext | undefined;
      readsDurable: () => Eventual<void>;
    },
  ) {
    this.state = state;
    this.deadline = options.deadline;
    this.chain = options.chain;
    this.trace = options.trace;
    this.readsDurable = options.readsDurable;
  }

  get open(): boolean {
    return this.#open;
  }

  /** The alarm as this turn's code sees it. */
  get alarm(): Alarm | undefined {
    if (this.draft.alarm !== undefined) return this.draft.alarm ?? undefined;
    return this.firing ? undefined : this.state.alarm;
  }

  /** Set when a transaction threw: the call fails, whatever its method returns. */
  get poisoned(): ActorOutputGateError | undefined {
    return this.#poison;
  }

  /** Whether the turn waits for a `blockConcurrencyWhile`. */
  get blocked(): boolean {
    return this.#blockers !== undefined && this.#blockers.size > 0;
  }

  poison(cause: unknown): void {
    this.#poison ??= new ActorOutputGateError(`a transaction threw: ${messageOf(cause)}`, { cause });
  }

  /** Runs `body`; the turn does not go on to its method, nor end, before it has settled. */
  block<T>(body: () => T | Promise<T>): Promise<T> {
    const running = (async () => body())();
    this.#blockers ??= new Set();
    const blockers = this.#blockers;
    blockers.add(running);
    // A failure stays in the set, for `unblocked` to find.
    running.then(
      () => blockers.delete(running),
      () => {},
    );
    return running;
  }

  /**
   * Resolves when nothing blocks the turn any more.
   *
   * @throws whatever a blocking body threw, also when user code caught it
   */
  async unblocked(): Promise<void> {
    while (this.#blockers && this.#blockers.size > 0) await Promise.all(this.#blockers);
  }

  /** From now on the turn's storage calls are refused. */
  close(): void {
    this.#open = false;
  }

  /** Keeps the turn open until the operation has settled. */
  track<T>(operation: Operation<T>): Operation<T> {
    this.#begin();
    operation.watch((failure) => {
      if (failure && !operation.observed) this.#unobserved.push({ operation, reason: failure.reason });
      this.#settle();
    });
    return operation;
  }

  /** An operation was done at once. Code that awaits it gets the time to start the next one. */
  touch(): void {
    this.#begun++;
  }

  /** Keeps the turn open until `work` has settled, whichever way: who asked for it looks at its failure. */
  hold(work: Promise<unknown>): void {
    this.#begin();
    const settled = () => this.#settle();
    work.then(settled, settled);
  }

  /**
   * Resolves when no storage operation and no blocking body is under way any more.
   *
   * @throws ActorOutputGateError an operation failed and nobody looked at it
   * @throws whatever a blocking body threw
   */
  async drain(clock: Pick<Clock, "quiet">): Promise<void> {
    let begun: number;
    do {
      if (this.blocked) await this.unblocked();
      begun = this.#begun;
      if (this.#pending > 0)
        await new Promise<void>((quiet) => {
          this.#quiet = quiet;
        });
      // Code that nobody awaits goes on, as does what awaits the last operation, and starts its next one.
      await clock.quiet();
    } while (begun !== this.#begun || this.blocked);
    // Observed late is observed: `const p = put(); …; await p` looks at a failure long after it happened.
    const failure = this.#unobserved.find((each) => !each.operation.observed);
    if (failure) {
      throw new ActorOutputGateError(
        `a storage write failed after the method returned: ${messageOf(failure.reason)}`,
        {
          cause: failure.reason,
        },
      );
    }
  }

  #begin(): void {
    this.#begun++;
    this.#pending++;
  }

  #settle(): void {
    this.#pending--;
    if (this.#pending === 0) this.#quiet?.();
  }
}
