import { Annotations, Duration, RemovalPolicy } from "aws-cdk-lib";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { bundleForLambda } from "../project/bundle.ts";
import { readProject } from "../project/project.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { FrontDoor } from "./front-door.ts";
import type { Bundle } from "./function-code.ts";
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
   * How long a reply can be read, and a repeated call answered from it. At least twelve times the lease (the timeout of
   * the worker plus 30 seconds), because an envelope can be redelivered for that long.
   * @default Duration.hours(24)
   */
  readonly replyRetention?: Duration;
  /**
   * How long the logs of the functions are kept.
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;
}

/** What tests put in place of the real thing. */
export interface StatefulActorsInternals {
  readonly bundle?: Bundle;
}

/**
 * The actors of one project, ready to be called over HTTP.
 *
 * Throws a ManifestError for a project that can't be read, a BundleError for code that can't be bundled and a
 * ConfigurationError for a property or a variable that can't be deployed.
 */
export class StatefulActors extends Construct {
  /** Where the HTTP API answers. Anyone who knows it can call it: it has no authorizer. */
  readonly url: string;
  readonly actorTable: Table;
  readonly replyTable: Table;
  readonly mailbox: IQueue;
  /** Envelopes that no worker could settle. */
  readonly deadLetters: IQueue;
  readonly worker: IFunction;
  readonly router: IFunction;

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

    const actorTable = createActorTable(this, removalPolicy);
    const replyTable = createReplyTable(this);
    const mailbox = new Mailbox(this, "Mailbox", { workerTimeout });
    const shared = {
      project,
      bundle: internals.bundle ?? bundleForLambda,
      logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
      mailbox,
      replyTable,
      replyRetention: checkedReplyRetention(props.replyRetention ?? Duration.hours(24), mailbox.lease),
    };
    const worker = new Worker(this, "Worker", {
      ...shared,
      actorTable,
      memory: workerMemory,
      timeout: workerTimeout,
    });
    const frontDoor = new FrontDoor(this, "FrontDoor", shared);

    this.url = frontDoor.url;
    this.actorTable = actorTable;
    this.replyTable = replyTable;
    this.mailbox = mailbox.queue;
    this.deadLetters = mailbox.deadLetters;
    this.worker = worker.function;
    this.router = frontDoor.function;
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
