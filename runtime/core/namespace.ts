import type { Ids } from "../ports/ids.ts";
import type { ActorId } from "../ports/mailbox.ts";
import { checkName } from "./actor-id.ts";
import type { Caller } from "./caller.ts";
import type { StatefulActor } from "./stateful-actor.ts";

/** Where an instance should live. Accepted for compatibility and ignored: an AWS region is one place. */
export type LocationHint = string;

export interface IdFromNameOptions {
  readonly locationHint?: LocationHint;
}

/** What a stub of actor `A` can do: its public methods, each answering with a promise. */
export type ActorStub<A = StatefulActor<unknown>> = {
  /** The instance's name. */
  readonly id: string;
} & {
  readonly [M in Exclude<keyof A, "id" | "fetch" | "alarm" | "webSocket" | `_${string}`> as A[M] extends (
    ...args: never[]
  ) => unknown
    ? M
    : never]: A[M] extends (...args: infer P) => infer R ? (...args: P) => Promise<Awaited<R>> : never;
};

/** All instances of one actor, reached by name. */
export interface ActorNamespace<A = StatefulActor<unknown>> {
  /**
   * The instance of that name. The same name is the same instance, from anywhere; nothing is sent yet.
   *
   * @param name free text, 1 to 1,024 bytes of UTF-8
   * @throws ActorNameError
   */
  idFromName(name: string, options?: IdFromNameOptions): ActorStub<A>;
  /** An instance with a fresh, unguessable name of 22 characters; keep `stub.id` to reach it again. */
  newUniqueId(options?: IdFromNameOptions): ActorStub<A>;
}

/** Names that JavaScript asks of any object: answering them with a method would make a stub look like a promise or a date. */
const NOT_METHODS = new Set(["then", "toJSON", "constructor"]);

export function createNamespace(type: string, { call, ids }: { call: Caller; ids: Ids }): ActorNamespace {
  return {
    idFromName(name) {
      checkName(name);
      return createStub({ type, name }, call);
    },
    newUniqueId() {
      return createStub({ type, name: ids.next() }, call);
    },
  };
}

/** What a stub is made of. Its class keeps the codec from taking a stub for a plain value. */
class Stub {
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}

function createStub(to: ActorId, call: Caller): ActorStub {
  const own = new Stub(to.name);
  return new Proxy(own, {
    get(_, property) {
      if (property === "id") return own.id;
      if (typeof property === "symbol" || NOT_METHODS.has(property)) return undefined;
      return (...args: unknown[]) => call(to, property, args);
    },
  });
}
