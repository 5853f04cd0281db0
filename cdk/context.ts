import { statSync } from "node:fs";
import { resolve } from "node:path";
import { RemovalPolicy } from "aws-cdk-lib";
import type { Node } from "constructs";
import { ConfigurationError } from "./configuration-error.ts";

/** What the command line says with `-c name=value`. */
export interface Context {
  /** `-c project=<folder>`, absolute. */
  readonly project: string;
  /** `-c stack=<name>`; undefined: the name in the manifest. */
  readonly stackName: string | undefined;
  /** `-c removal=destroy|retain`; undefined: the default of the construct. */
  readonly removalPolicy: RemovalPolicy | undefined;
}

const REMOVAL_POLICIES = new Map([
  ["destroy", RemovalPolicy.DESTROY],
  ["retain", RemovalPolicy.RETAIN],
]);

const STACK_NAME = /^[A-Za-z][A-Za-z0-9-]{0,127}$/;

/** Reads and checks the context of the app; throws a ConfigurationError that names the wrong value. */
export function readContext(node: Node, { defaultProject }: { defaultProject: string }): Context {
  return {
    project: projectFolder(node.tryGetContext("project") ?? defaultProject),
    stackName: stackName(node.tryGetContext("stack")),
    removalPolicy: removalPolicy(node.tryGetContext("removal")),
  };
}

function projectFolder(value: unknown): string {
  const folder = typeof value === "string" && value !== "" ? resolve(value) : undefined;
  if (folder !== undefined && statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return folder;
  throw new ConfigurationError(
    `-c project=${value}: no such folder; give the folder in which actors.toml lies, absolute or from ${process.cwd()}`,
  );
}

function stackName(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && STACK_NAME.test(value)) return value;
  throw new ConfigurationError(
    `-c stack=${value}: a stack name is a letter and then up to 127 letters, digits and hyphens; choose such a name`,
  );
}

function removalPolicy(value: unknown): RemovalPolicy | undefined {
  if (value === undefined) return undefined;
  const policy = typeof value === "string" ? REMOVAL_POLICIES.get(value) : undefined;
  if (policy !== undefined) return policy;
  throw new ConfigurationError(
    `-c removal=${value}: says what becomes of the actors' state with the stack; give destroy or retain`,
  );
}
