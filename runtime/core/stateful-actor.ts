/**
 * Bindings of the project, for typing `this.env`. Augment it:
 * `declare module "stateful-actors" { interface Env { ACCOUNT: ActorNamespace<Account> } }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by the project through declaration merging
export interface Env {}

/** What a `list` asks for. All options given hold together. Bounds are keys, compared by their UTF-8 bytes. */
export interface ListOptions {
  /** Only keys that begin with this. */
  readonly prefix?: string;
  /** First key, inclusive. */
  readonly start?: string;
  /** Keys after this one. */
  readonly startAfter?: string;
  /** End, exclusive. */
  readonly end?: string;
  /** From the last key of the range to the first; the bounds keep their meaning. */
  readonly reverse?: boolean;
  /** How many at most: 1 to 1000, 128 if not given. */
  readonly limit?: number;
}

/**
 * What can be done with keys.
 *
 * Keys: at most 1,000 bytes of UTF-8; those beginning with `__telnyx_` are reserved.
 * Values: JSON natives, `undefined` inside objects, `Date`, `Map`, `Set`, typed arrays, `ArrayBuffer`,
 * `BigInt`, `RegExp`; at most 384 KiB encoded.
 *
 * @throws CodecError the value holds something that can't be stored; names the path
 * @throws StorageLimitError key, value or list limit over its limit; names key, size and limit
 * @throws StorageScopeError used outside of a turn, after its end, or from another instance's turn
 */
export interface StorageTransaction {
  /** The value under `key`, a fresh copy each time, or `undefined`. */
  get<T = unknown>(key: string): Promise<T | undefined>;
  /** Sets the value under `key`. */
  put<T>(key: string, value: T): Promise<void>;
  /** Removes `key`; resolves to whether it existed. */
  delete(key: string): Promise<boolean>;
  /** Keys and values of a range, in the order of the keys' UTF-8 bytes. */
  list<T = unknown>(options?: ListOptions): Promise<Map<string, T>>;
}

/**
 * The instance's private durable state. Every write of a turn commits atomically at its end, before the
 * caller gets the reply; a turn that throws commits nothing. Reads see the turn's own writes.
 */
export interface ActorStorage extends StorageTransaction {
  /** Removes all keys at once, however many there are. The alarm stays. */
  deleteAll(): Promise<void>;
  /**
   * Runs `body` on a draft of its own, which joins the turn's writes when it resolves. A throw discards that draft and
   * fails the call with `ActorOutputGateError`, even if it is caught; then the writes made outside still commit.
   */
  transaction<T>(body: (transaction: StorageTransaction) => T | Promise<T>): Promise<T>;
  /**
   * Sets the instance's alarm: its `alarm()` runs as a turn of its own, about a second after `when` at the latest. Each
   * instance has one; setting it replaces it, also the attempts that were left. Part of the turn like any write.
   *
   * @param when ms since the epoch; in the past: at once
   * @throws CodecError not a number, or no time
   */
  setAlarm(when: number): Promise<void>;
  /**
   * When the alarm is due, in ms since the epoch; `null` without one, and in its handler until that sets a new one. Between
   * two attempts it is the time of the next.
   */
  getAlarm(): Promise<number | null>;
  /** Removes the alarm, if there is one. */
  deleteAlarm(): Promise<void>;
}

/** Which attempt at an alarm this is. */
export interface AlarmInfo {
  /** How many attempts at it have failed: 0 to 3. */
  readonly retryCount: number;
  /** Whether an attempt at it has failed. */
  readonly isRetry: boolean;
}

/** What the runtime hands to an instance. */
export interface ActorContext {
  /** The name given to `idFromName`, as is. */
  readonly id: string;
  /** Its durable state. */
  readonly storage: ActorStorage;
  /** The same as `storage.setAlarm`. */
  setAlarm(when: number): Promise<void>;
  /**
   * Runs `body` before anything else gets its turn; for the constructor, to load what every method needs. Its writes commit
   * with the first turn. When it fails, or outlasts that turn's budget, the turn fails, and the next one starts with a fresh object.
   *
   * @throws BlockConcurrencyTimeoutError (to the caller)
   */
  blockConcurrencyWhile<T>(body: () => T | Promise<T>): Promise<T>;
}

/**
 * Base of every actor. One object serves one instance, one turn at a time. Its fields are a cache: they
 * may vanish between any two turns, and never outlive writes that were rolled back.
 *
 * Public methods of the subclass are callable from outside; a leading `_` is the only opt-out.
 */
export abstract class StatefulActor<E = Env> {
  /** The instance: its name, its storage, its alarm. */
  protected readonly ctx: ActorContext;
  /** The bindings of the project. */
  protected readonly env: E;

  constructor(ctx: ActorContext, env: E) {
    this.ctx = ctx;
    this.env = env;
  }

  /**
   * Answers what comes in through `stub.fetch(request)`; 404 unless the subclass has its own. A turn like a method's: 30 s,
   * writes commit when it returns a response of any status, and none when it throws. `request.signal` is aborted when
   * the time is over. The response is read to its end first: up to 2.9 MiB.
   */
  fetch(_request: Request): Response | Promise<Response> {
    return new Response("this actor has no fetch handler\n", { status: 404 });
  }

  /**
   * Runs when the alarm is due, never before. A turn like a method's, with a budget of its own (5 minutes unless configured
   * otherwise). When it throws or runs over, nothing of it commits, and it is tried again a second later, four times in
   * all. At least once: an attempt that a crash cuts off is made again without being counted; what has committed never is.
   */
  alarm(_info: AlarmInfo): void | Promise<void> {}

  /**
   * Runs after the last attempt at an alarm has failed and the alarm is deleted: to take note of it, or to set another. A
   * turn like a method's: 30 s, its writes commit together with the deletion. What it throws is logged.
   *
   * @param _error what the last attempt threw
   */
  onAlarmDropped(_error: unknown, _info: AlarmInfo): void | Promise<void> {}
}
