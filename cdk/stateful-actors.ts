import { Annotations, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import type { Alarm } from "aws-cdk-lib/aws-cloudwatch";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import type { Grant, IGrantable } from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { type ILogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { bundleForLambda } from "../project/bundle.ts";
import { exportedNames } from "../project/exports.ts";
import { sortTypes } from "./actor-types.ts";
import type { CallTarget } from "./call-target.ts";
import { CallableActors, type IStatefulActors } from "./callable-actors.ts";
import {
  checkedAlarmBudget,
  checkedAuth,
  checkedMemory,
  checkedRemovalPolicy,
  checkedReplyRetention,
  checkedTimeout,
} from "./checked-properties.ts";
import { type ConcurrencyProps, checkedConcurrency } from "./concurrency.ts";
import { DelayLine } from "./delay-line.ts";
import { checkedEncryption, type EncryptionProps } from "./encryption.ts";
import { checkEnvironmentSize } from "./environment-size.ts";
import { FrontDoor } from "./front-door.ts";
import { checkedFrontDoor, type FrontDoorOptions } from "./front-door-options.ts";
import type { Bundle } from "./function-code.ts";
import { ImportedActors, type StatefulActorsAttributes, type Untold } from "./imported-actors.ts";
import { checkedShards, Mailbox } from "./mailbox.ts";
import { Monitoring, type MonitoringProps } from "./monitoring.ts";
import { checkedNetwork, type NetworkProps } from "./network.ts";
import { type ProjectSource, projectCode } from "./project-source.ts";
import { checkedProtection, type ProtectionProps } from "./protection.ts";
import { Rollout } from "./rollout.ts";
import { Schedules } from "./schedules.ts";
import { checkedSecrets, type SecretsProps } from "./secrets.ts";
import { createActorTable, createReplyTable } from "./tables.ts";
import { addTelemetry, type TelemetryProps } from "./telemetry.ts";
import { Worker } from "./worker.ts";

/** Names stand in the descriptions of functions, which have a limit. */
const MAX_NAME = 100;

/** Whose actors are deployed, and how. */
export interface StatefulActorsProps
  extends ProjectSource,
    FrontDoorOptions,
    ConcurrencyProps,
    EncryptionProps,
    NetworkProps,
    ProtectionProps,
    SecretsProps,
    TelemetryProps {
  /**
   * What happens to the state of the actors when the stack, or this construct in it, is deleted. With anything but
   * `DESTROY` the table stays. `SNAPSHOT` is refused: DynamoDB tables have none.
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
   * minutes. It leaves room for `alarmBudget` and 35 seconds more. A worker that dies holds its instances for about 30 seconds,
   * however long this is; only one that dies before it began to run holds them for this time and 30 seconds more.
   * @default Duration.minutes(6)
   */
  readonly workerTimeout?: Duration;
  /**
   * How long an alarm's handler may run, in whole seconds from 1 up to 35 seconds less than `workerTimeout`: what comes after it
   * (`onAlarmDropped`, which may take 30 seconds, and the commit) must fit in too.
   * @default Duration.minutes(5), or what a shorter `workerTimeout` leaves
   */
  readonly alarmBudget?: Duration;
  /**
   * How long an outcome is kept. Until then a reply can be read, and a call that is asked for again with the same
   * idempotency key gives its first outcome; after that the same key is a new call. At least thirty times the longest that a
   * worker can hold an envelope (its timeout plus 30 seconds), because an envelope can be redelivered for that long.
   * @default Duration.hours(24)
   */
  readonly replyRetention?: Duration;
  /**
   * Memory of the function that takes requests, in MiB, from 128 to 10240. It mostly waits, and its time is a part of each call's
   * price; with less memory it has less of a processor, too.
   * @default 512
   */
  readonly routerMemory?: number;
  /**
   * Over how many queues the mailboxes of the instances are spread, by a hash of the instance, from 1 to 32. One queue takes tens of
   * thousands of calls a second; but it looks at its first 120,000 messages only, so that one instance's backlog can hide the
   * others in its queue, and no more of them can be under way.
   *
   * Changing it moves instances to other queues: one more takes its share of all, none moves between the others. What lies in the old
   * queue of an instance that moves is worked off beside what comes into the new one, so that the order is lost between the
   * two, and only the version keeps two workers apart. Let the queues run empty first where that matters. A queue that is taken away
   * takes its messages along: let it drain (`drainingShards`).
   * @default 1
   */
  readonly shards?: number;
  /**
   * How many queues beyond `shards` stay and are worked off, while nothing new is sent to them. To go from 4 shards to 2: deploy
   * `shards: 2, drainingShards: 2`, wait until the two are empty, then deploy without it.
   * @default 0
   */
  readonly drainingShards?: number;
  /**
   * How a new version of the worker takes over from the one before: at once, or a part of the batches after the other, and back again when
   * an alarm goes off. Two versions at once are safe for what this package stores; what your own code stores must be readable by
   * both (docs/how-to.md, "Roll out gradually").
   * @default Rollout.allAtOnce()
   */
  readonly rollout?: Rollout;
  /**
   * How long the logs of the functions and the access log are kept.
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
   * Whether the front door takes the calls of `stateful-actors/client` over HTTP, from anyone whom `auth` lets in and to
   * every instance and method.
   * @default only for a project without a fetch handler of its own, whose built-in door is as open anyway
   */
  readonly httpCalls?: boolean;
  /**
   * Alarms and a dashboard.
   * @default the essential alarms, which tell nobody, and no dashboard
   */
  readonly monitoring?: MonitoringProps;
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
   *
   * @param untold what the name of the stack does not tell: its `shards`, if not 1 (calls go to the wrong mailboxes, and lose their
   * order, while it differs), and the ARNs of its `encryptionKey` and `otherEncryptionKeys`, if it has any
   */
  static fromStack(scope: Construct, id: string, stackName: string, untold: Untold = {}): IStatefulActors {
    return ImportedActors.ofStack(scope, id, stackName, untold);
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
  /** Where the front door answers those whom `auth` lets in. */
  readonly url: string;
  /** The host to which the name of `domain` must point; undefined without one. */
  readonly domainTarget: string | undefined;
  readonly actorTable: Table;
  readonly replyTable: Table;
  /** The first mailbox queue; the only one unless there are shards. */
  readonly mailbox: IQueue;
  /** All mailbox queues. */
  readonly mailboxes: readonly IQueue[];
  /** Envelopes that no worker could settle. */
  readonly deadLetters: IQueue;
  /** Messages that are not due yet. */
  readonly delayQueue: IQueue;
  /** Messages that never got from the delay queue into the mailbox, and wakes that no schedule could put into the delay queue. */
  readonly delayDeadLetters: IQueue;
  /** Where the schedules of alarms lie that are more than 15 minutes ahead. */
  readonly scheduleGroupName: string;
  readonly worker: IFunction;
  readonly router: IFunction;
  /** Moves messages that are due from the delay queue to the mailbox. */
  readonly forwarder: IFunction;
  /** What each function writes to, as JSON lines. */
  readonly logs: Readonly<Record<"worker" | "router" | "forwarder", ILogGroup>>;
  /** What requests came to the HTTP API; undefined where it was not asked for. */
  readonly accessLog: ILogGroup | undefined;
  /** CloudWatch's alarms by their names, as docs/incidents.md has them. */
  readonly alarms: Readonly<Record<string, Alarm>>;
  readonly #frontDoor: FrontDoor;

  /** @param internals not for users: it changes without notice */
  constructor(
    scope: Construct,
    id: string,
    props: StatefulActorsProps,
    internals: StatefulActorsInternals = {},
  ) {
    super(scope, id);
    const auth = checkedAuth(props.auth);
    const logRetention = props.logRetention ?? RetentionDays.ONE_MONTH;
    const frontDoorOptions = checkedFrontDoor({ ...props, auth }, logRetention);
    const workerMemory = checkedMemory("workerMemory", props.workerMemory ?? 512);
    const workerTimeout = checkedTimeout(props.workerTimeout ?? Duration.minutes(6));
    const alarmBudget = checkedAlarmBudget(props.alarmBudget, workerTimeout);
    const removalPolicy = checkedRemovalPolicy(props.removalPolicy ?? RemovalPolicy.RETAIN);

    const project = projectCode(props, this.node.path.slice(-MAX_NAME));
    for (const warning of project.manifest.warnings) {
      Annotations.of(this).addWarningV2("stateful-actors:manifest", warning);
    }

    // Commands that deploy nothing, such as `cdk destroy`, need no code that can be bundled.
    const exported = Stack.of(this).bundlingRequired ? exportedNames(project) : undefined;
    const { own, owners } = sortTypes({ project, owners: props.owners ?? {}, exported });

    const { encryptionKey, keyArns } = checkedEncryption(this, props);
    const actorTable = createActorTable(this, checkedProtection(props, removalPolicy), encryptionKey);
    const replyTable = createReplyTable(this, encryptionKey);
    const mailbox = new Mailbox(this, "Mailbox", {
      workerTimeout,
      shards: checkedShards("shards", props.shards ?? 1, 1),
      drainingShards: checkedShards("drainingShards", props.drainingShards ?? 0, 0),
      encryptionKey,
    });
    const shared = {
      project,
      bundle: internals.bundle ?? bundleForLambda,
      logRetention,
      encryptionKey,
      network: checkedNetwork(props),
    };
    const delayLine = new DelayLine(this, "DelayLine", { ...shared, mailbox, keyArns });
    const schedules = new Schedules(this, "Schedules", {
      delayQueue: delayLine.queue,
      deadLetters: delayLine.deadLetters,
      keyArns,
    });
    const calling = {
      ...shared,
      target: {
        mailboxArn: mailbox.queue.queueArn,
        mailboxUrl: mailbox.queue.queueUrl,
        shards: `${mailbox.shards}`,
        shardArns: mailbox.queues.slice(1, mailbox.shards).map(({ queueArn }) => queueArn),
        delayQueueArn: delayLine.queue.queueArn,
        delayQueueUrl: delayLine.queue.queueUrl,
        replyTableArn: replyTable.tableArn,
        replyTableName: replyTable.tableName,
        keyArns,
      },
      owners,
      replyRetention: checkedReplyRetention(props.replyRetention ?? Duration.hours(24), mailbox.lease),
      exposeStacks: props.exposeStacks ?? false,
      givenVariables: props.environment,
      secrets: checkedSecrets(props.secrets ?? {}, project.manifest),
    };
    const concurrency = checkedConcurrency(props, { queues: mailbox.queues.length });
    const worker = new Worker(this, "Worker", {
      ...calling,
      mailbox,
      actorTable,
      schedules,
      memory: workerMemory,
      timeout: workerTimeout,
      alarmBudget,
      concurrency,
      rollout: props.rollout ?? Rollout.allAtOnce(),
    });
    // Whoever receives is updated before whoever sends, so that messages of a new form seldom meet code that can't read them.
    worker.function.node.addDependency(delayLine.function);
    const frontDoor = new FrontDoor(this, "FrontDoor", {
      ...calling,
      ...frontDoorOptions,
      memory: checkedMemory("routerMemory", props.routerMemory ?? 512),
      reservedConcurrency: concurrency.routerConcurrency,
      httpCalls: props.httpCalls,
    });
    frontDoor.function.node.addDependency(worker.live);

    this.types = own;
    this.callTarget = calling.target;
    this.url = frontDoor.entrance.url;
    this.domainTarget = frontDoor.entrance.domainTarget;
    this.accessLog = frontDoor.entrance.accessLog;
    this.actorTable = actorTable;
    this.replyTable = replyTable;
    this.mailbox = mailbox.queue;
    this.mailboxes = mailbox.queues;
    this.deadLetters = mailbox.deadLetters;
    this.delayQueue = delayLine.queue;
    this.delayDeadLetters = delayLine.deadLetters;
    this.scheduleGroupName = schedules.groupName;
    this.worker = worker.function;
    this.router = frontDoor.function;
    this.#frontDoor = frontDoor;
    this.forwarder = delayLine.function;
    this.logs = {
      worker: worker.function.logGroup,
      router: frontDoor.function.logGroup,
      forwarder: delayLine.function.logGroup,
    };
    const functions = {
      worker: worker.function,
      router: frontDoor.function,
      forwarder: delayLine.function,
    };
    const deployment = addTelemetry(this, functions, { ...props, envVars: project.manifest.envVars });
    for (const fn of Object.values(functions)) checkEnvironmentSize(fn);
    this.alarms = new Monitoring(this, "Monitoring", {
      ...props.monitoring,
      watched: {
        deployment,
        mailboxes: mailbox.queues,
        deadLetters: mailbox.deadLetters,
        delayQueue: delayLine.queue,
        delayDeadLetters: delayLine.deadLetters,
        functions,
        api: frontDoor.entrance.api,
        tables: { actorTable, replyTable },
      },
      logs: Object.values(this.logs),
      metrics: props.metrics ?? "problems",
    }).alarms;
  }

  /**
   * Lets a role, a user or a function call the front door, with signed requests. It gives no other way to the actors.
   *
   * Throws a ConfigurationError with another `auth` than `Auth.iam()`.
   */
  grantInvoke(grantee: IGrantable): Grant {
    return this.#frontDoor.grantInvoke(grantee);
  }
}
