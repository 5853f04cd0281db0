/**
 * What an actor author imports.
 *
 * @module stateful-actors
 */
export { env } from "./core/bindings.ts";
export type { CallOptions } from "./core/call-options.ts";
export { type Identity, identityOf } from "./core/identity.ts";
export type { ActorNamespace, ActorStub, IdFromNameOptions, LocationHint } from "./core/namespace.ts";
export { SecretError, type Secrets } from "./core/secrets.ts";
export {
  type ActorContext,
  type ActorStorage,
  type AlarmInfo,
  type Env,
  type ListOptions,
  StatefulActor,
  type StorageTransaction,
} from "./core/stateful-actor.ts";
export * from "./errors.ts";
