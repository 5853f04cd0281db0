import { statSync } from "node:fs";
import { resolve } from "node:path";
import { RemovalPolicy } from "aws-cdk-lib";
import { BUNDLING_STACKS } from "aws-cdk-lib/cx-api";
import type { Node } from "constructs";
import { isIdentifier } from "../project/manifest.ts";
import { Auth } from "./auth.ts";
import { AUTH_CHOICES, authChoice } from "./auth-choice.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { isStackName, STACK_NAME_RULE } from "./stack-name.ts";

/** What the command line says with `-c name=value`. */
export interface Context {
  /** `-c project=<folder>`, absolute. */
  readonly project: string;
  /** `-c stack=<name>`; undefined: the name in the manifest. */
  readonly stackName: string | undefined;
  /** `-c auth=iam|none|jwt:<issuer>,<audience>,…`: who may call the front door. Only what is deployed needs it. */
  readonly auth: Auth;
  /** `-c removal=destroy|retain`; undefined: the default of the construct. */
  readonly removalPolicy: RemovalPolicy | undefined;
  /** `-c owners=<type>:<stack>,…`: the stacks in which types live that the project only refers to, by type. */
  readonly owners: ReadonlyMap<string, string>;
}

const REMOVAL_POLICIES = new Map([
  ["destroy", RemovalPolicy.DESTROY],
  ["retain", RemovalPolicy.RETAIN],
]);

/** Reads and checks the context of the app; throws a ConfigurationError that names the wrong value. */
export function readContext(node: Node, { defaultProject }: { defaultProject: string }): Context {
  return {
    project: projectFolder(node.tryGetContext("project") ?? defaultProject),
    stackName: stackName(node.tryGetContext("stack")),
    auth: auth(node.tryGetContext("auth"), { deploys: deploys(node) }),
    removalPolicy: removalPolicy(node.tryGetContext("removal")),
    owners: owners(node.tryGetContext("owners")),
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
  if (isStackName(value)) return value;
  throw new ConfigurationError(`-c stack=${value}: ${STACK_NAME_RULE}; choose such a name`);
}

function auth(value: unknown, { deploys }: { deploys: boolean }): Auth {
  // What is not deployed lets nobody in.
  if (value === undefined && !deploys) return Auth.none();
  if (value === undefined) {
    throw new ConfigurationError(`-c auth is missing: it says who may call the front door; ${AUTH_CHOICES}`);
  }
  const choice = authChoice(String(value));
  if (choice === undefined) {
    throw new ConfigurationError(`-c auth=${value}: there is no such way to let callers in; ${AUTH_CHOICES}`);
  }
  return choice.kind === "jwt" ? Auth.jwt(choice) : Auth[choice.kind]();
}

/** Whether anything of this synthesis is deployed: the CDK CLI says which stacks are, and none for `cdk destroy`. */
function deploys(node: Node): boolean {
  const stacks: unknown = node.tryGetContext(BUNDLING_STACKS);
  return !Array.isArray(stacks) || stacks.length > 0;
}

function removalPolicy(value: unknown): RemovalPolicy | undefined {
  if (value === undefined) return undefined;
  const policy = typeof value === "string" ? REMOVAL_POLICIES.get(value) : undefined;
  if (policy !== undefined) return policy;
  throw new ConfigurationError(
    `-c removal=${value}: says what becomes of the actors' state with the stack; give destroy or retain`,
  );
}

function owners(value: unknown): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (value === undefined) return found;
  for (const pair of String(value).split(",")) {
    const [type = "", stack, ...rest] = pair.split(":");
    if (!isIdentifier(type) || !isStackName(stack) || rest.length > 0) {
      throw new ConfigurationError(
        `-c owners=${value}: ${JSON.stringify(pair)} is no type with the stack that owns it; give a list such as Account:account-svc,Ledger:ledger-svc`,
      );
    }
    if (found.has(type)) {
      throw new ConfigurationError(
        `-c owners=${value}: ${type} is in it twice; a type has one owner, leave the other one out`,
      );
    }
    found.set(type, stack);
  }
  return found;
}
