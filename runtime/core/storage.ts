import { decode, encode } from "./codec.ts";
import { StorageScopeError } from "./errors.ts";
import { checkKey, checkValueSize } from "./key.ts";
import { type Operation, operation } from "./operation.ts";
import type { State } from "./state.ts";
import type { ActorStorage } from "./stateful-actor.ts";
import { currentTurn, type Turn } from "./turn.ts";

/** `ctx.storage` of one activation. Every call belongs to the turn that the calling code runs in. */
export function createStorage(state: State, instance: string): ActorStorage {
  const run = <T>(body: (turn: Turn) => T | Promise<T>): Operation<T> => {
    const turn = currentTurn.getStore();
    const refusal = refuse(turn, state, instance);
    if (refusal || !turn) {
      const refused = operation<T>(() => Promise.reject(refusal));
      // Nobody may be left to catch it: the stray work's caller is gone.
      refused.watch(() => {});
      return refused;
    }
    return turn.track(operation(() => body(turn)));
  };

  return {
    get<T>(key: string): Promise<T | undefined> {
      return run((turn) => {
        checkKey(key);
        return whenKnown(textOf(turn, key), (text) =>
          text === undefined ? undefined : (decode(text, valueAt(key)) as T),
        );
      });
    },
    put<T>(key: string, value: T): Promise<void> {
      return run((turn) => {
        checkKey(key);
        const text = encode(value, valueAt(key));
        checkValueSize(key, text);
        turn.draft.put(key, text);
      });
    },
    delete(key: string): Promise<boolean> {
      return run((turn) => {
        checkKey(key);
        const before = textOf(turn, key);
        turn.draft.remove(key);
        return whenKnown(before, (text) => text !== undefined);
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

/** What the turn sees: its own draft first, then the state with all finished turns. */
function textOf(turn: Turn, key: string): string | undefined | Promise<string | undefined> {
  return turn.draft.writes.has(key) ? turn.draft.writes.get(key) : turn.state.read(key);
}

function whenKnown<A, B>(value: A | Promise<A>, then: (value: A) => B): B | Promise<B> {
  return value instanceof Promise ? value.then(then) : then(value);
}

function valueAt(key: string): string {
  return `the value for key ${JSON.stringify(key.slice(0, 40))}`;
}
