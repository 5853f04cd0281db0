import { type Duration, Stack } from "aws-cdk-lib";
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
}

/** What callers read from their environment; undefined: not set, and not to be set by the project either. */
export function callerEnvironment(scope: Construct, props: CallerProps): Record<string, string | undefined> {
  const { target, owners, replyRetention, exposeStacks } = props;
  const addresses = [...owners].map(([type, { callTarget }]) => [type, callAddress(callTarget)]);
  return {
    REPLY_TABLE: target.replyTableName,
    MAILBOX_URL: target.mailboxUrl,
    DELAY_URL: target.delayQueueUrl,
    REPLY_RETENTION_SECONDS: `${replyRetention.toSeconds()}`,
    ACTOR_OWNERS: owners.size > 0 ? Stack.of(scope).toJsonString(Object.fromEntries(addresses)) : undefined,
    EXPOSE_STACKS: exposeStacks ? "1" : undefined,
  };
}
