export { ConfigurationError } from "./configuration-error.ts";
export { ActorsStack, type ActorsStackProps } from "./stack.ts";
export { StatefulActors, type StatefulActorsProps } from "./stateful-actors.ts";
