import { Annotations, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { bundleForLambda } from "../project/bundle.ts";
import { exportedNames } from "../project/exports.ts";
import { readProject } from "../project/project.ts";
import { sortTypes } from "./actor-types.ts";
import type { CallTarget } from "./call-target.ts";
import { CallableActors, type IStatefulActors } from "./callable-actors.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { DelayLine } from "./delay-line.ts";
import { FrontDoor } from "./front-door.ts";
import type { Bundle } from "./function-code.ts";
import { ImportedActors, type StatefulActorsAttributes } from "./imported-actors.ts";
import { MAX_RECEIVES, Mailbox } from "./mailbox.ts";
import { createActorTable, createReplyTable } from "./tables.ts";
import { Worker } from "./worker.ts";

export interface StatefulActorsProps {
  /** The folder of the project: where `actors.toml` (or `telnyx.toml`) lies. Relative to the working directory. */
  readonly project: string;
  /**
   * What happens to the state of the actors when the stack, or this construct in it, is deleted. With anything but
   * `DESTROY` the table stays and has point-in-time recovery. `SNAPSHOT` is refused: DynamoDB tables have none.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Memory of the function that runs the actors, in MiB, from 128 to 10240. Lambda gives CPU time in proportion.
   * @default 512
   */
  readonly workerMemory?: number;
  /**
   * The longest time one batch of calls may take, from 40 seconds (one call may take 30, and must then commit) to 15
   * minutes. A worker that dies holds its instances for this time and 30 seconds more.
   * @default Duration.seconds(60)
   */
  readonly workerTimeout?: Duration;
  /**
   * How long an outcome is kept. Until then a reply can be read, and a call that is asked for again with the same
   * idempotency key gives its first outcome; after that the same key is a new call. At least twelve times the lease (the timeout of
   * the worker plus 30 seconds), because an envelope can be redelivered for that long.
   * @default Duration.hours(24)
   */
  readonly replyRetention?: Duration;
  /**
   * How long the logs of the functions are kept.
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;
  /**
   * Where the types live that the project declares in its manifest and does not export: the actors of another project,
   * by type. Calls of such a type go there. Two stacks that refer to each other by name can't both be deployed first:
   * deploy one without the other's types, or give its owner by ARNs.
   * @default the project refers to no other
   */
  readonly owners?: Readonly<Record<string, IStatefulActors>>;
  /**
   * Whether the stack of an error in an actor travels to the caller, as the `cause` of what the caller gets. It shows the
   * insides of the project to everybody who can call it.
   * @default false
   */
  readonly exposeStacks?: boolean;
  /**
   * Whether the front door takes the calls of `stateful-actors/client` over HTTP, from anyone who knows its URL and to
   * every instance and method.
   * @default only for a project without a fetch handler of its own, whose built-in door is as open anyway
   */
  readonly httpCalls?: boolean;
}

/** What tests put in place of the real thing. */
export interface StatefulActorsInternals {
  readonly bundle?: Bundle;
}

/**
 * The actors of one project, ready to be called over HTTP.
 *
 * Throws a ManifestError for a project that can't be read, a BundleError for code that can't be bundled and a
 * ConfigurationError for a property, a variable or a type that can't be deployed.
 */
export class StatefulActors extends CallableActors {
  /**
   * The actors that an ActorsStack of the same account and region made, by the name of that stack, which must be deployed
   * first. Their types are not known here: `bind` takes any.
   *
   * Throws a ConfigurationError for what can't be the name of a stack.
   */
  static fromStack(scope: Construct, id: string, stackName: string): IStatefulActors {
    return ImportedActors.ofStack(scope, id, stackName);
  }

  /**
   * Actors that were made elsewhere in the same account and region, by their ARNs: outputs of an ActorsStack, properties
   * of a StatefulActors.
   *
   * Throws a ConfigurationError for an ARN of something else.
   */
  static fromAttributes(scope: Construct, id: string, attributes: StatefulActorsAttributes): IStatefulActors {
    return new ImportedActors(scope, id, attributes);
  }

  /** The types that live here: those that the manifest declares, without those that have an owner. */
  readonly types: ReadonlySet<string>;
  readonly callTarget: CallTarget;
  /** Where the HTTP API answers. Anyone who knows it can call it: it has no authorizer. */
  readonly url: string;
  readonly actorTable: Table;
  readonly replyTable: Table;
  readonly mailbox: IQueue;
  /** Envelopes that no worker could settle. */
  readonly deadLetters: IQueue;
  /** Messages that are not due yet. */
  readonly delayQueue: IQueue;
  /** Messages that never got from the delay queue into the mailbox. */
  readonly delayDeadLetters: IQueue;
  readonly worker: IFunction;
  readonly router: IFunction;
  /** Moves messages that are due from the delay queue to the mailbox. */
  readonly forwarder: IFunction;

  /** @param internals not for users: it changes without notice */
  constructor(
    scope: Construct,
    id: string,
    props: StatefulActorsProps,
    internals: StatefulActorsInternals = {},
  ) {
    super(scope, id);
    const workerMemory = checkedMemory(props.workerMemory ?? 512);
    const workerTimeout = checkedTimeout(props.workerTimeout ?? Duration.seconds(60));
    const removalPolicy = checkedRemovalPolicy(props.removalPolicy ?? RemovalPolicy.RETAIN);

    const project = readProject(props.project);
    for (const warning of project.manifest.warnings) {
      Annotations.of(this).addWarningV2("stateful-actors:manifest", warning);
    }

    // Commands that deploy nothing, such as `cdk destroy`, need no code that can be bundled.
    const exported = Stack.of(this).bundlingRequired ? exportedNames(project) : undefined;
    const { own, owners } = sortTypes({ project, owners: props.owners ?? {}, exported });

    const actorTable = createActorTable(this, removalPolicy);
    const replyTable = createReplyTable(this);
    const mailbox = new Mailbox(this, "Mailbox", { workerTimeout });
    const shared = {
      project,
      bundle: internals.bundle ?? bundleForLambda,
      logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
    };
    const delayLine = new DelayLine(this, "DelayLine", { ...shared, mailbox: mailbox.queue });
    const calling = {
      ...shared,
      target: {
        mailboxArn: mailbox.queue.queueArn,
        mailboxUrl: mailbox.queue.queueUrl,
        delayQueueArn: delayLine.queue.queueArn,
        delayQueueUrl: delayLine.queue.queueUrl,
        replyTableArn: replyTable.tableArn,
        replyTableName: replyTable.tableName,
      },
      owners,
      replyRetention: checkedReplyRetention(props.replyRetention ?? Duration.hours(24), mailbox.lease),
      exposeStacks: props.exposeStacks ?? false,
    };
    const worker = new Worker(this, "Worker", {
      ...calling,
      mailbox,
      actorTable,
      memory: workerMemory,
      timeout: workerTimeout,
    });
    const frontDoor = new FrontDoor(this, "FrontDoor", { ...calling, httpCalls: props.httpCalls });

    this.types = own;
    this.callTarget = calling.target;
    this.url = frontDoor.url;
    this.actorTable = actorTable;
    this.replyTable = replyTable;
    this.mailbox = mailbox.queue;
    this.deadLetters = mailbox.deadLetters;
    this.delayQueue = delayLine.queue;
    this.delayDeadLetters = delayLine.deadLetters;
    this.worker = worker.function;
    this.router = frontDoor.function;
    this.forwarder = delayLine.function;
  }
}

function checkedMemory(mebibytes: number): number {
  if (Number.isInteger(mebibytes) && mebibytes >= 128 && mebibytes <= 10_240) return mebibytes;
  throw new ConfigurationError(
    `workerMemory ${mebibytes}: Lambda takes whole numbers from 128 to 10240 (MiB); choose one of them`,
  );
}

function checkedTimeout(timeout: Duration): Duration {
  const seconds = timeout.toSeconds({ integral: false });
  if (Number.isInteger(seconds) && seconds >= 40 && seconds <= 900) return timeout;
  throw new ConfigurationError(
    `workerTimeout ${seconds} s: one call may take 30 s and must then commit, and Lambda ends after 900 s; choose whole seconds from 40 to 900`,
  );
}

function checkedReplyRetention(retention: Duration, lease: Duration): Duration {
  const seconds = retention.toSeconds({ integral: false });
  const least = MAX_RECEIVES * lease.toSeconds();
  if (Number.isInteger(seconds) && seconds >= least) return retention;
  throw new ConfigurationError(
    `replyRetention ${seconds} s: an envelope can be redelivered for ${least} s and its reply must last as long; choose whole seconds from ${least} up`,
  );
}

function checkedRemovalPolicy(policy: RemovalPolicy): RemovalPolicy {
  if (policy !== RemovalPolicy.SNAPSHOT) return policy;
  throw new ConfigurationError(
    "removalPolicy SNAPSHOT: DynamoDB tables take no snapshot when they are deleted; choose RETAIN or DESTROY",
  );
}
