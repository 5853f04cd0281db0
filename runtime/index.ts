/** What an actor author imports. */
export { env } from "./core/bindings.ts";
export type { CallOptions } from "./core/call-options.ts";
export type { ActorNamespace, ActorStub, IdFromNameOptions, LocationHint } from "./core/namespace.ts";
export {
  type ActorContext,
  type ActorStorage,
  type Env,
  type ListOptions,
  StatefulActor,
  type StorageTransaction,
} from "./core/stateful-actor.ts";
export * from "./errors.ts";
