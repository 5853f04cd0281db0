import type { ActorClass } from "../runtime/core/method.ts";
import { type SecretBinding, SecretError } from "../runtime/core/secrets.ts";
import type { ActorId } from "../runtime/ports/mailbox.ts";
import type { SecretSource } from "../runtime/ports/secret-source.ts";
import { isActorClass } from "./project-module.ts";

/** The last time that a `Date` can hold, in ms since the epoch. */
const END_OF_TIME = 8.64e15;

type Bindings = readonly (readonly [binding: string, type: string])[];

/**
 * The classes by type.
 *
 * @throws TypeError something that is no actor, or nothing
 */
export function actorClasses(actors: Readonly<Record<string, unknown>>): ReadonlyMap<string, ActorClass> {
  const classes = new Map<string, ActorClass>();
  for (const [type, actor] of Object.entries(actors ?? {})) {
    if (!isActorClass(actor)) {
      throw new TypeError(
        `the actor ${type} must be a class that extends StatefulActor (imported from "stateful-actors")`,
      );
    }
    classes.set(type, actor);
  }
  if (classes.size === 0) {
    throw new TypeError("startActors takes the classes by the name of their type: startActors({ Session })");
  }
  return classes;
}

/**
 * The type that a class, or a name, stands for.
 *
 * @throws TypeError none, or more than one
 */
export function typeOf(actor: ActorClass | string, classes: ReadonlyMap<string, ActorClass>): string {
  const types = [...classes.keys()].filter((type) => type === actor || classes.get(type) === actor);
  const [type] = types;
  if (type !== undefined && types.length === 1) return type;
  const shown = typeof actor === "string" ? `"${actor}"` : actor.name;
  throw new TypeError(
    type === undefined
      ? `no actor ${shown} was started here; there is: ${[...classes.keys()].join(", ")}`
      : `the class ${shown} was started as ${types.join(" and ")}; name the type instead: namespace("${type}")`,
  );
}

/** Binding and type of each: the type in capitals, words apart. */
export function defaultBindings(classes: ReadonlyMap<string, ActorClass>): Bindings {
  const wordStarts = /(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g;
  return [...classes.keys()].map((type) => [type.replace(wordStarts, "_").toUpperCase(), type]);
}

/**
 * Binding and type of each.
 *
 * @throws TypeError a type that is not among the classes
 */
export function checkBindings(
  bindings: Readonly<Record<string, string>>,
  classes: ReadonlyMap<string, ActorClass>,
): Bindings {
  for (const [binding, type] of Object.entries(bindings)) {
    if (classes.has(type)) continue;
    throw new TypeError(
      `the bindings bind ${binding} to "${type}", and no such type was given; there is: ${[...classes.keys()].join(", ")}`,
    );
  }
  return Object.entries(bindings);
}

/** Secrets of classes without a manifest: whatever the test gives, for everybody. */
export function undeclaredSecrets(values: Readonly<Record<string, string>>): readonly SecretBinding[] {
  return Object.keys(values).map((binding) => ({ binding, name: binding, readers: ["actors", "fetch"] }));
}

/**
 * @throws TypeError a value for a secret that the manifest does not declare
 */
export function checkSecrets(
  values: Readonly<Record<string, string>>,
  declared: readonly SecretBinding[],
): void {
  const unknown = Object.keys(values).find((each) => !declared.some(({ binding }) => binding === each));
  if (unknown === undefined) return;
  throw new TypeError(
    `the secrets have a value for ${unknown}, which the manifest does not declare; it declares: ${declared.map(({ binding }) => binding).join(", ") || "none"}`,
  );
}

/** Secrets as a test gives them. */
export function testSecretSource(values: Readonly<Record<string, string>>): SecretSource {
  return {
    async read(binding) {
      const value = Object.hasOwn(values, binding) ? values[binding] : undefined;
      if (value !== undefined) return value;
      throw new SecretError(
        `the secret ${binding} has no value in this test: give it one, startActors(…, { secrets: { ${binding}: "…" } })`,
      );
    },
  };
}

/**
 * Where time begins, in ms since the epoch.
 *
 * @throws TypeError no time
 */
export function startTime(now: number | Date): number {
  const time = Number(now);
  if (Number.isSafeInteger(time) && Math.abs(time) <= END_OF_TIME) return time;
  throw new TypeError(
    `now must be a Date or a whole number of ms since the epoch, not ${String(now)}; give for example new Date("2030-01-31T12:00:00Z")`,
  );
}

/**
 * The instance that a stub stands for.
 *
 * @throws TypeError no stub, or one of other actors
 */
export function addressOf(stub: unknown, classes: ReadonlyMap<string, ActorClass>): ActorId {
  // A stub says what it stands for, and nothing else does.
  const [, type, name] = /^(\w+)\/(.+)$/s.exec(String(stub)) ?? [];
  if (type !== undefined && name !== undefined && classes.has(type)) return { type, name };
  throw new TypeError(
    `${String(stub).slice(0, 80)} is no stub of these actors; give for example actors.namespace(Session).idFromName("s1")`,
  );
}

/**
 * @throws TypeError no whole number
 */
export function checkSeed(seed: number): number {
  if (Number.isSafeInteger(seed)) return seed;
  throw new TypeError(`seed must be a whole number, not ${String(seed)}; give for example 1`);
}
