import { alarmTime } from "./alarm.ts";
import { decode, encode } from "./codec.ts";
import { Draft } from "./draft.ts";
import { CodecError, StorageScopeError } from "./errors.ts";
import { isLater } from "./is-later.ts";
import { checkKey, checkValueSize } from "./key.ts";
import { keyRange } from "./key-range.ts";
import { type Operation, operation } from "./operation.ts";
import type { State } from "./state.ts";
import type { ActorStorage, ListOptions, StorageTransaction } from "./stateful-actor.ts";
import { currentTurn, type Turn } from "./turn.ts";
import { View } from "./view.ts";

/** Runs a storage operation as part of the turn that the calling code belongs to, or refuses it. */
type Run = <T>(body: (turn: Turn) => T | Promise<T>) => Promise<T>;

/** `ctx.storage` of one activation. */
export function createStorage(state: State, instance: string): ActorStorage {
  const run: Run = (body) => {
    const turn = currentTurn.getStore();
    const refusal = refuse(turn, state, instance);
    return refusal || !turn ? refused(refusal) : start(turn, body);
  };

  return {
    ...keyOperations(run, (turn) => [turn.draft]),
    deleteAll: () => run((turn) => turn.draft.clear()),
    transaction: (body) => run((turn) => transact(turn, body, instance)),
    setAlarm: (when) =>
      run((turn) => {
        turn.draft.alarm = { at: alarmTime(when), retries: 0 };
      }),
    getAlarm: () => run((turn) => turn.alarm?.at ?? null),
    deleteAlarm: () =>
      run((turn) => {
        if (turn.alarm) turn.draft.alarm = null;
      }),
  };
}

/** Most operations find what they need in memory, and are done at once: only the others keep the turn open. */
function start<T>(turn: Turn, body: (turn: Turn) => T | Promise<T>): Promise<T> {
  try {
    const result = body(turn);
    if (isLater(result)) return turn.track(operation(() => result));
    turn.touch();
    return Promise.resolve(result);
  } catch (error) {
    return turn.track(operation<T>(() => Promise.reject(error)));
  }
}

/**
 * Runs `body` on a draft of its own. A throw discards that draft, and fails the call even if user code catches it: the
 * method went on as if its transaction had happened.
 */
async function transact<T>(
  turn: Turn,
  body: (transaction: StorageTransaction) => T | Promise<T>,
  instance: string,
): Promise<T> {
  const draft = new Draft();
  let open = true;
  const run: Run = (operate) => {
    if (!open || !turn.open) {
      return refused(
        new StorageScopeError(`a transaction of ${instance} was used after its end; await what it does`),
      );
    }
    return start(turn, operate);
  };
  try {
    const result = await body(keyOperations(run, () => [turn.draft, draft]));
    if (turn.open) turn.draft.absorb(draft);
    return result;
  } catch (error) {
    turn.poison(error);
    throw error;
  } finally {
    open = false;
  }
}

/** The operations on keys; they write to the last of the drafts. */
function keyOperations(run: Run, draftsOf: (turn: Turn) => [Draft, ...Draft[]]): StorageTransaction {
  const seen = (turn: Turn) => new View(turn.state, draftsOf(turn));
  const target = (turn: Turn) => draftsOf(turn).at(-1) as Draft;

  return {
    get<T>(key: string): Promise<T | undefined> {
      return run((turn) => {
        checkKey(key);
        return whenKnown(seen(turn).read(key), (text) =>
          text === undefined ? undefined : (decode(text, valueAt(key)) as T),
        );
      });
    },
    put<T>(key: string, value: T): Promise<void> {
      return run((turn) => {
        checkKey(key);
        if (value === undefined)
          throw new CodecError(`${valueAt(key)()} is undefined, which is no value; use delete`);
        const text = encode(value, valueAt(key));
        checkValueSize(key, text);
        target(turn).put(key, text);
      });
    },
    delete(key: string): Promise<boolean> {
      return run((turn) => {
        checkKey(key);
        const before = seen(turn).read(key);
        target(turn).remove(key);
        return whenKnown(before, (text) => text !== undefined);
      });
    },
    list<T>(options?: ListOptions): Promise<Map<string, T>> {
      return run(async (turn) => {
        const found = await seen(turn).list(keyRange(options));
        return new Map(found.map(([key, text]) => [key, decode(text, valueAt(key)) as T]));
      });
    },
  };
}

function refuse(turn: Turn | undefined, state: State, instance: string): StorageScopeError | undefined {
  if (!turn) {
    return new StorageScopeError(
      `storage of ${instance} was used outside of any turn; use it in a method, awaited`,
    );
  }
  if (turn.state !== state) {
    return new StorageScopeError(
      `storage of ${instance} was used from a turn of another instance or activation; call a method through a stub instead`,
    );
  }
  if (!turn.open) {
    return new StorageScopeError(
      `storage of ${instance} was used after its turn had ended; await the work before the method returns`,
    );
  }
  return undefined;
}

function refused<T>(refusal: StorageScopeError | undefined): Operation<T> {
  const failed = operation<T>(() => Promise.reject(refusal));
  // Nobody may be left to catch it: the stray work's caller is gone.
  failed.watch(() => {});
  return failed;
}

function whenKnown<A, B>(value: A | Promise<A>, then: (value: A) => B): B | Promise<B> {
  return isLater(value) ? value.then(then) : then(value);
}

function valueAt(key: string): () => string {
  return () => `the value for key ${JSON.stringify(key.slice(0, 40))}`;
}
