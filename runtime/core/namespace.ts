import type { Ids } from "../ports/ids.ts";
import type { ActorId } from "../ports/mailbox.ts";
import { checkName } from "./actor-id.ts";
import { type CallOptions, checkCallOptions } from "./call-options.ts";
import { fetchRequest, methodRequest } from "./call-request.ts";
import type { Caller } from "./caller.ts";
import { type FetchInput, type FetchOptions, toResponse } from "./fetch-call.ts";
import { resultOf } from "./outcome.ts";
import type { StatefulActor } from "./stateful-actor.ts";

/** Where an instance should live. Accepted for compatibility and ignored: an AWS region is one place. */
export type LocationHint = string;

/** How an instance is looked up by its name. */
export interface IdFromNameOptions {
  /** Taken for the sake of code written for other runtimes, and ignored: an instance has no place of its own. */
  readonly locationHint?: LocationHint;
}

/** Names of an actor that no stub offers as methods. */
type NoMethod =
  | "id"
  | "with"
  | "fetch"
  | "alarm"
  | "onAlarmDropped"
  | "webSocket"
  | "constructor"
  | "then"
  | "toJSON"
  | `_${string}`;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** A field typed `any` would pass for a method. */
type IsMethod<F> = IsAny<F> extends true ? false : F extends (...args: never[]) => unknown ? true : false;

/** Names of the public methods of actor `A`. */
type MethodNames<A> = { [M in keyof A]: IsMethod<A[M]> extends true ? Exclude<M, NoMethod> : never }[keyof A];

/** A method that gives a promise stays as it is, with its overloads and type parameters; any other one is wrapped. */
type Remote<F> = F extends (...args: infer P) => infer R
  ? IsAny<R> extends true
    ? (...args: P) => Promise<R>
    : [R] extends [never]
      ? (...args: P) => Promise<never>
      : [R] extends [Promise<unknown>]
        ? F
        : (...args: P) => Promise<Awaited<R>>
  : never;

/** The public methods of actor `A` as its callers see them. */
type MethodsOf<A> = { readonly [M in MethodNames<A>]: Remote<A[M]> };

/** What every stub has besides the methods of its actor. */
interface StubBase<A> {
  /** The instance's name. */
  readonly id: string;
  /**
   * One-way messages: `stub.send.method(…)` resolves when the message is durable in the mailbox; the method's result is
   * not kept. In a method of an actor, messages leave only if that method's call commits, each exactly once.
   * (`stub.send(…)` itself calls a method named `send`.) One that uses a key again is dropped, as nobody waits for its answer.
   *
   * @throws ActorError refused as a call would be, or `ActorCallTimeoutError`: it is unknown whether it was sent
   * @throws StorageLimitError over 100 messages, or 128 KiB of them, in one turn
   */
  readonly send: Senders<A>;
  /** The same instance, called with these options. */
  with(options: CallOptions): ActorStub<A>;
  /**
   * Hands a request to the actor's `fetch`, and gives its response. Method, URL, headers and body travel both ways, bodies
   * whole: up to 700 KiB there, 2.9 MiB back. An aborted signal ends the waiting; the call may still run.
   *
   * @throws ActorFetchTimeoutError the handler ran over its budget of 30 s
   * @throws PayloadTooLargeError
   */
  fetch(input: FetchInput, init?: FetchOptions): Promise<Response>;
}

/** The public methods of actor `A` as one-way messages. */
type Senders<A> = {
  readonly [M in MethodNames<A>]: A[M] extends (...args: infer P) => unknown
    ? (...args: P) => Promise<void>
    : never;
};

/** What a stub of actor `A` can do: its public methods, each answering with a promise. */
export type ActorStub<A = StatefulActor<unknown>> = StubBase<A> & MethodsOf<A>;

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

export function createNamespace(type: string, { caller, ids }: { caller: Caller; ids: Ids }): ActorNamespace {
  return {
    idFromName(name) {
      checkName(name);
      return createStub({ type, name }, caller, {});
    },
    newUniqueId() {
      return createStub({ type, name: ids.next() }, caller, {});
    },
  };
}

/** What a stub is made of. Its class keeps the codec from taking a stub for a plain value. */
class Stub {
  readonly id: string;
  readonly #type: string;

  constructor({ type, name }: ActorId) {
    this.id = name;
    this.#type = type;
  }

  toString(): string {
    return `${this.#type}/${this.id}`;
  }
}

function createStub(to: ActorId, caller: Caller, options: CallOptions): ActorStub {
  const callMethod = async (method: string, args: readonly unknown[]) =>
    resultOf(await caller.call(methodRequest(to, { method, args, options })), method);
  // Each is made where it is used: most stubs live for one call.
  const property = (name: string): unknown => {
    switch (name) {
      case "id":
        return to.name;
      case "with":
        return (more: CallOptions) => createStub(to, caller, checkCallOptions({ ...options, ...more }));
      case "fetch":
        return async (input: FetchInput, init?: FetchOptions) =>
          toResponse(resultOf(await caller.call(await fetchRequest(to, { input, init, options })), "fetch"));
      case "send":
        return byName(
          (...args: unknown[]) => callMethod("send", args),
          (method) =>
            (...args: unknown[]) =>
              caller.send(() => methodRequest(to, { method, args, options })),
        );
      default:
        return (...args: unknown[]) => callMethod(name, args);
    }
  };
  return byName(new Stub(to), property) as unknown as ActorStub;
}

/** An object that has a property of any name; what every object has stays its own, as no actor's method may have such a name. */
function byName<T extends object>(target: T, property: (name: string) => unknown): T {
  return new Proxy(target, {
    get(_, name) {
      if (typeof name === "symbol" || NOT_METHODS.has(name)) return undefined;
      const inherited: unknown = name in Object.prototype ? Reflect.get(target, name) : undefined;
      return typeof inherited === "function" ? inherited.bind(target) : property(name);
    },
  });
}
