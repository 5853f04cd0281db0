/** What an actor author imports. */
export { env } from "./core/bindings.ts";
export {
  ActorCallCycleError,
  ActorCallTimeoutError,
  ActorDeadlineError,
  ActorError,
  ActorMethodError,
  ActorMethodTimeoutError,
  ActorNameError,
  ActorOutputGateError,
  ActorPrivateMethodError,
  ActorUnknownMethodError,
  ActorUnknownTypeError,
  BlockConcurrencyTimeoutError,
  CodecError,
  type Effect,
  PayloadTooLargeError,
  StorageLimitError,
  StorageScopeError,
} from "./core/errors.ts";
export type { ActorNamespace, ActorStub, IdFromNameOptions, LocationHint } from "./core/namespace.ts";
export {
  type ActorContext,
  type ActorStorage,
  type Env,
  type ListOptions,
  StatefulActor,
  type StorageTransaction,
} from "./core/stateful-actor.ts";
