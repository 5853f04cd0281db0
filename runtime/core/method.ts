import { ActorPrivateMethodError, ActorUnknownMethodError } from "./errors.ts";
import { nearName } from "./near-name.ts";
import { StatefulActor } from "./stateful-actor.ts";

/** An actor's class, as a project's module exports it. */
// biome-ignore lint/suspicious/noExplicitAny: subclasses narrow Env, and constructor parameters are contravariant
export type ActorClass = new (ctx: any, env: any) => StatefulActor<any>;

/** How much of a name from outside a message shows, in characters. */
const SHOWN = 64;
/** Handlers with their own way in; never reachable as plain methods. */
const SPECIAL = new Set(["constructor", "fetch", "alarm", "onAlarmDropped", "webSocket"]);

/**
 * The function behind `method`, if it may be called from outside on instances of `actor`. Only functions on the prototypes
 * between the class and `StatefulActor` count: a look-up by name on the object itself would also find
 * `__proto__`, getters, and what user code put there.
 *
 * @throws ActorPrivateMethodError `_name`, special handlers, whatever every object has
 * @throws ActorUnknownMethodError anything else that is not a method
 */
export function methodOf(actor: ActorClass, method: string): (...args: unknown[]) => unknown {
  refusePrivate(actor.name, method);
  for (const prototype of prototypesOf(actor)) {
    const property = Object.getOwnPropertyDescriptor(prototype, method);
    if (typeof property?.value === "function") return property.value;
    if (property) break;
  }
  const known = callableMethods(actor);
  const meant = nearName(method.slice(0, SHOWN), known);
  throw new ActorUnknownMethodError(
    `${shownAs(actor.name, method)} is not a method; ${meant ? `did you mean ${meant}? ` : ""}${known.length > 0 ? `callable are: ${known.join(", ")}` : "the actor has no callable methods"}`,
  );
}

/**
 * What can be said of a method by its name alone, where the class is not at hand.
 *
 * @throws ActorPrivateMethodError
 */
export function refusePrivate(type: string, method: string): void {
  if (method.startsWith("_")) {
    throw new ActorPrivateMethodError(
      `${shownAs(type, method)} is private: names with a leading _ are not callable`,
    );
  }
  if (SPECIAL.has(method) || method in StatefulActor.prototype) {
    throw new ActorPrivateMethodError(`${shownAs(type, method)} is reserved and not callable as a method`);
  }
}

function shownAs(type: string, method: string): string {
  return `${type}.${method.slice(0, SHOWN)}`;
}

/** Names of the methods that may be called from outside, own ones first. */
export function callableMethods(actor: ActorClass): string[] {
  const names = new Set<string>();
  for (const prototype of prototypesOf(actor)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value === "function" && !name.startsWith("_") && !SPECIAL.has(name)) names.add(name);
    }
  }
  return [...names];
}

/** The prototypes between the class and `StatefulActor`, its own first. */
function prototypesOf(actor: ActorClass): object[] {
  const prototypes: object[] = [];
  let prototype: object | null = actor.prototype;
  while (prototype !== null && prototype !== StatefulActor.prototype) {
    prototypes.push(prototype);
    prototype = Object.getPrototypeOf(prototype);
  }
  return prototypes;
}
