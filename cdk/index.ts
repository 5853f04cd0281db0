/**
 * Deploys a project's actors from a CDK app.
 *
 * @module stateful-actors/cdk
 */
export type { SecretReader } from "../project/manifest.ts";
export {
  Auth,
  type AuthBinding,
  type AuthKind,
  type JwtAuthOptions,
  type LambdaAuthOptions,
} from "./auth.ts";
export type { CallTarget } from "./call-target.ts";
export type { IStatefulActors } from "./callable-actors.ts";
export type { ConcurrencyProps } from "./concurrency.ts";
export { ConfigurationError } from "./configuration-error.ts";
export type { CorsOptions } from "./cors.ts";
export type { DomainOptions } from "./custom-domain.ts";
export type { EncryptionProps } from "./encryption.ts";
export type { FrontDoorKind } from "./front-door.ts";
export type { FrontDoorOptions } from "./front-door-options.ts";
export type { StatefulActorsAttributes, Untold } from "./imported-actors.ts";
export type { MonitoringProps } from "./monitoring.ts";
export type { AlarmsChoice } from "./monitoring-alarms.ts";
export type { NetworkProps } from "./network.ts";
export type { ProjectSource } from "./project-source.ts";
export type { ProtectionProps } from "./protection.ts";
export {
  type CanaryRolloutOptions,
  type GradualRolloutOptions,
  type LinearRolloutOptions,
  Rollout,
} from "./rollout.ts";
export type { DeclaredSecret, SecretsProps } from "./secrets.ts";
export { ActorsStack, type ActorsStackProps } from "./stack.ts";
export { StatefulActors, type StatefulActorsProps } from "./stateful-actors.ts";
export type { Metrics, OpenTelemetryTracing, TelemetryProps } from "./telemetry.ts";
export type { Throttling } from "./throttling.ts";
