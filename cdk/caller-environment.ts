import { type Duration, Stack } from "aws-cdk-lib";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { type CallTarget, callAddress } from "./call-target.ts";
import type { IStatefulActors } from "./callable-actors.ts";
import type { SharedFunctionProps } from "./handler-function.ts";

/** What the functions get that run the project's code: they call its actors, and those of others. */
export interface CallerProps extends SharedFunctionProps {
  readonly target: CallTarget;
  /** Where the types live that the project only refers to. */
  readonly owners: ReadonlyMap<string, IStatefulActors>;
  readonly replyRetention: Duration;
  readonly exposeStacks: boolean;
  /** The property `environment`, which is a part of the project's variables by now. */
  readonly givenVariables: Readonly<Record<string, string>> | undefined;
  /** Secrets that are not found by their names, by binding. */
  readonly secrets: Readonly<Record<string, ISecret>>;
}

/** What callers read from their environment; undefined: not set, and not to be set by the project either. */
export function callerEnvironment(scope: Construct, props: CallerProps): Record<string, string | undefined> {
  const { target, owners, replyRetention, exposeStacks } = props;
  const addresses = [...owners].map(([type, { callTarget }]) => [type, callAddress(callTarget)]);
  return {
    REPLY_TABLE: target.replyTableName,
    MAILBOX_URL: target.mailboxUrl,
    MAILBOX_SHARDS: target.shards === "1" ? undefined : target.shards,
    DELAY_URL: target.delayQueueUrl,
    REPLY_RETENTION_SECONDS: `${replyRetention.toSeconds()}`,
    ACTOR_OWNERS: owners.size > 0 ? Stack.of(scope).toJsonString(Object.fromEntries(addresses)) : undefined,
    EXPOSE_STACKS: exposeStacks ? "1" : undefined,
  };
}
