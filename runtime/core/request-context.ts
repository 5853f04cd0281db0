import { AsyncLocalStorage } from "node:async_hooks";
import type { ActorId, TraceContext } from "../ports/mailbox.ts";
import { actorKey } from "./actor-id.ts";

/** The request that the running code serves. */
export const currentRequest = new AsyncLocalStorage<RequestContext>();

/** What a request at the front door means for the calls that are made to serve it. */
export class RequestContext {
  /** When the request must be answered, in ms since the epoch. */
  readonly deadline: number;
  /** The trace that the client named. */
  readonly trace: TraceContext | undefined;
  readonly #idempotencyKey: string | undefined;
  #calls: Map<string, number> | undefined;

  constructor({
    deadline,
    idempotencyKey,
    trace,
  }: {
    deadline: number;
    idempotencyKey: string | undefined;
    trace?: TraceContext | undefined;
  }) {
    this.deadline = deadline;
    this.trace = trace;
    this.#idempotencyKey = idempotencyKey;
  }

  /**
   * The key of the next call to this instance, if the request has one: its own with the number of the call, so that a
   * request that comes again gives each of its calls the key that it had the first time.
   */
  nextKey(to: ActorId): string | undefined {
    if (this.#idempotencyKey === undefined) return undefined;
    const instance = actorKey(to);
    this.#calls ??= new Map();
    const call = (this.#calls.get(instance) ?? 0) + 1;
    this.#calls.set(instance, call);
    return `${this.#idempotencyKey}\n${call}`;
  }
}
