/**
 * Bindings of the project, for typing `this.env`. Augment it:
 * `declare module "stateful-actors" { interface Env { ACCOUNT: ActorNamespace<Account> } }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by the project through declaration merging
export interface Env {}

/**
 * The instance's private durable state. Every write of a turn commits atomically at its end, before the
 * caller gets the reply; a turn that throws commits nothing. Reads see the turn's own writes.
 *
 * Keys: at most 1,000 bytes of UTF-8; those beginning with `__telnyx_` are reserved.
 * Values: JSON natives, `undefined` inside objects, `Date`, `Map`, `Set`, typed arrays, `ArrayBuffer`,
 * `BigInt`, `RegExp`; at most 384 KiB encoded.
 *
 * @throws CodecError the value holds something that can't be stored; names the path
 * @throws StorageLimitError key or value over its limit; names key, size and limit
 */
export interface ActorStorage {
  /** The value under `key`, a fresh copy each time, or `undefined`. */
  get<T = unknown>(key: string): Promise<T | undefined>;
  /** Sets the value under `key`. */
  put<T>(key: string, value: T): Promise<void>;
  /** Removes `key`; resolves to whether it existed. */
  delete(key: string): Promise<boolean>;
}

/** What the runtime hands to an instance. */
export interface ActorContext {
  /** The name given to `idFromName`, as is. */
  readonly id: string;
  readonly storage: ActorStorage;
}

/**
 * Base of every actor. One object serves one instance, one turn at a time. Its fields are a cache: they
 * may vanish between any two turns, and never outlive writes that were rolled back.
 *
 * Public methods of the subclass are callable from outside; a leading `_` is the only opt-out.
 */
export abstract class StatefulActor<E = Env> {
  protected readonly ctx: ActorContext;
  protected readonly env: E;

  constructor(ctx: ActorContext, env: E) {
    this.ctx = ctx;
    this.env = env;
  }
}
