export type { CallTarget } from "./call-target.ts";
export type { IStatefulActors } from "./callable-actors.ts";
export { ConfigurationError } from "./configuration-error.ts";
export type { StatefulActorsAttributes } from "./imported-actors.ts";
export { ActorsStack, type ActorsStackProps } from "./stack.ts";
export { StatefulActors, type StatefulActorsProps } from "./stateful-actors.ts";
