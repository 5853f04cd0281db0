import { dynamoClient, sqsClient } from "../runtime/adapters/aws/clients.ts";
import { createDynamoReplies } from "../runtime/adapters/aws/dynamo-replies.ts";
import { createSqsMailbox } from "../runtime/adapters/aws/sqs-mailbox.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { type CallerDeps, onlyRoute, type Route } from "../runtime/core/caller.ts";
import type { Mailbox } from "../runtime/ports/mailbox.ts";
import type { Replies } from "../runtime/ports/replies.ts";
import { xrayHeader } from "./aws-tracing.ts";
import { optional, required, requiredSeconds, shardCount } from "./environment.ts";

/** Names of the AWS things through which the instances of a deployment are called. */
export interface Address {
  /** URL of the mailbox queue, or of the first one of several. */
  readonly mailbox: string;
  /** How many mailbox queues there are, in digits; absent: one. */
  readonly shards?: string;
  /** URL of the queue where messages wait until they are due. */
  readonly delay: string;
  /** Name of the reply table. */
  readonly replies: string;
}

/** Clients of one process, made once. */
export interface AwsClients {
  readonly sqs: ReturnType<typeof sqsClient>;
  readonly dynamo: ReturnType<typeof dynamoClient>;
}

export function awsClients(): AwsClients {
  return { sqs: sqsClient(), dynamo: dynamoClient() };
}

/** The way to the instances at an address. */
export function awsRoute(
  { sqs, dynamo }: AwsClients,
  { mailbox, shards = "1", delay, replies }: Address,
  { retentionMs }: { retentionMs: number },
): { readonly mailbox: Mailbox; readonly replies: Replies } {
  const clock = systemClock;
  return {
    mailbox: createSqsMailbox({
      client: sqs,
      mailboxUrl: mailbox,
      shards: shardCount(shards),
      delayUrl: delay,
      clock,
      xrayHeader: xrayHeader(),
    }),
    replies: createDynamoReplies({ client: dynamo, table: replies, clock, ids: randomIds, retentionMs }),
  };
}

/** The deployment that this function belongs to, as its environment names it. */
export function ownAddress(): Address & { readonly retentionMs: number } {
  return {
    mailbox: required("MAILBOX_URL"),
    shards: optional("MAILBOX_SHARDS") ?? "1",
    delay: required("DELAY_URL"),
    replies: required("REPLY_TABLE"),
    retentionMs: requiredSeconds("REPLY_RETENTION_SECONDS"),
  };
}

/** Addresses of the types that the project declares and other deployments own, by type. */
export function ownerAddresses(): ReadonlyMap<string, Address> {
  const owners = optional("ACTOR_OWNERS");
  return new Map(owners === undefined ? [] : Object.entries(JSON.parse(owners) as Record<string, Address>));
}

/** Ways to other deployments, one an address: all that wait for replies of one table share a poller. */
export function foreignRoutes(
  clients: AwsClients,
  retention: { retentionMs: number },
): (address: Address) => Route {
  const routes = new Map<string, Route>();
  return (address) => {
    const route = routes.get(address.replies) ?? awsRoute(clients, address, retention);
    routes.set(address.replies, route);
    return route;
  };
}

/** The way to each type: the deployment's own instances, or those of its owner. */
export function routesByType(
  clients: AwsClients,
  own: {
    readonly types: ReadonlySet<string>;
    readonly route: ReturnType<typeof awsRoute>;
    readonly retentionMs: number;
  },
  owners: ReadonlyMap<string, Address>,
): CallerDeps["routeTo"] {
  const toOwn = onlyRoute(own.route, own.types);
  const toOwner = foreignRoutes(clients, own);
  const shared = new Map([...owners].map(([type, address]) => [type, toOwner(address)] as const));
  return (type) => shared.get(type) ?? toOwn(type);
}
