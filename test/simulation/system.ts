import type { SendMessageCommandInput } from "@aws-sdk/client-sqs";
import type { ServeDeps } from "../../handlers/serve-records.ts";
import { createAwsAlarmClock } from "../../runtime/adapters/aws/aws-alarm-clock.ts";
import { createDynamoReplies } from "../../runtime/adapters/aws/dynamo-replies.ts";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { createSqsDeadLetters } from "../../runtime/adapters/aws/sqs-dead-letters.ts";
import { createSqsLease } from "../../runtime/adapters/aws/sqs-lease.ts";
import { createSqsMailbox } from "../../runtime/adapters/aws/sqs-mailbox.ts";
import { Activations } from "../../runtime/core/activation.ts";
import { type Caller, createCaller, onlyRoute } from "../../runtime/core/caller.ts";
import type { ActorClass } from "../../runtime/core/method.ts";
import {
  Cloud,
  DEAD_LETTER_URL,
  DELAY_URL,
  type ForwarderRules,
  MAILBOX_URL,
  type SentRequest,
} from "./cloud.ts";
import { EventSource, type Worker } from "./event-source.ts";
import type { Item } from "./expressions.ts";
import { Process } from "./process.ts";
import type { Landed } from "./table.ts";
import type { World } from "./world.ts";

/** How long a worker that dies holds its instances, in ms. */
const SHORT_LEASE_MS = 30_000;
/** How much longer the queue hides a message than an invocation may take, in ms. */
const LEASE_MARGIN_MS = 30_000;

/** What a broken variant of the system does in another way; no seed may get past it for long. */
export interface Rules {
  readonly groupLock: boolean;
  readonly inOrder: boolean;
  readonly forwarder: ForwarderRules;
  /** Whether messages are deleted before they are worked on. */
  readonly deletesFirst: boolean;
  /** Whether a message of several envelopes is deleted although not all of them are done. */
  readonly deletesTorn: boolean;
  /** Whether a term of a condition of a write to a table is looked at. */
  readonly minds: (term: string) => boolean;
  /** What a process gets of an item that it reads by its key. */
  readonly bendItem: (item: Item) => Item;
  /** By which id the queue knows a message. */
  readonly deduplicationId: (message: SendMessageCommandInput) => string;
  /** What a worker works with. */
  readonly bendWorker: (deps: ServeDeps, process: Process) => ServeDeps;
  /** Told of every request that goes to AWS. */
  readonly onRequest: (request: SentRequest) => void;
}

export const SOUND: Rules = {
  groupLock: true,
  inOrder: true,
  forwarder: { putsBack: true, deletesFirst: false },
  deletesFirst: false,
  deletesTorn: false,
  minds: () => true,
  bendItem: (item) => item,
  deduplicationId: ({ MessageDeduplicationId = "" }) => MessageDeduplicationId,
  bendWorker: (deps) => deps,
  onRequest: () => {},
};

/** Told of what happens. */
export interface Observer {
  committed(writes: readonly Landed[]): void;
  replied(writes: readonly Landed[]): void;
  /** Messages that were worked on are deleted. */
  deleted(bodies: readonly string[]): void;
  dead(body: string): void;
  swallowed(body: string, before: string): void;
  /** Whether a message reaches its worker. */
  reaches(body: string, receives: number): boolean;
}

export interface SystemOptions {
  readonly actors: ReadonlyMap<string, ActorClass>;
  /** `env` of the actors of a worker. */
  readonly envOf: (worker: { readonly process: Process; readonly caller: Caller }) => unknown;
  readonly observer: Observer;
  readonly rules: Rules;
  readonly methodBudgetMs: number;
  readonly alarmBudgetMs: number;
  /** How long one invocation may take, in ms. */
  readonly timeoutMs: number;
  readonly maxReceives: number;
  readonly retentionMs: number;
  /** By how much clocks may be wrong, in ms. */
  readonly skewMs: number;
}

/** The whole system on AWS: callers, queues, workers, tables. The code of the product in it is what runs in Lambda. */
export class System {
  readonly cloud: Cloud;
  readonly #world: World;
  readonly #options: SystemOptions;
  readonly #source: EventSource;
  #processes = 0;

  constructor(world: World, options: SystemOptions) {
    const { observer, rules, timeoutMs, maxReceives } = options;
    this.#world = world;
    this.#options = options;
    this.cloud = new Cloud(world, {
      queue: {
        visibilityMs: this.queueLeaseMs,
        maxReceives,
        groupLock: rules.groupLock,
        onReady: () => this.#source.poll(),
        onDead: observer.dead,
        onSwallowed: observer.swallowed,
      },
      forwarder: rules.forwarder,
      minds: rules.minds,
      bendItem: rules.bendItem,
      onRequest: rules.onRequest,
      deduplicationId: rules.deduplicationId,
      onCommitted: observer.committed,
      onReplied: observer.replied,
      onDeleted: observer.deleted,
    });
    this.#source = new EventSource(world, this.cloud.messages, {
      timeoutMs,
      startWorker: () => this.#startWorker(),
      deletesFirst: rules.deletesFirst,
      deletesTorn: rules.deletesTorn,
      inOrder: rules.inOrder,
      reaches: observer.reaches,
      onDeleted: observer.deleted,
    });
  }

  /** The visibility timeout of the mailbox, in ms. */
  get queueLeaseMs(): number {
    return this.#options.timeoutMs + LEASE_MARGIN_MS;
  }

  /** A process that calls, as the router does. */
  startCaller(callWaitMs: number): { readonly process: Process; readonly caller: Caller } {
    const process = this.#startProcess("caller");
    return { process, caller: this.#routeOf(process, callWaitMs).caller };
  }

  #startProcess(kind: "caller" | "worker"): Process {
    const { random } = this.#world;
    const { skewMs } = this.#options;
    return new Process(this.#world, {
      name: `${kind}-${++this.#processes}`,
      skewMs: random.between(-skewMs, skewMs),
      // A caller takes a step with every look for its reply.
      frailty: kind === "caller" ? 0.1 : 1,
    });
  }

  #routeOf(process: Process, callWaitMs: number) {
    const { actors, retentionMs } = this.#options;
    const { clock, ids } = process;
    const clients = this.cloud.clientsOf(process);
    const replies = createDynamoReplies({
      client: clients.dynamo,
      table: "replies",
      clock,
      ids,
      retentionMs,
    });
    const mailbox = createSqsMailbox({
      client: clients.sqs,
      mailboxUrl: MAILBOX_URL,
      delayUrl: DELAY_URL,
      clock,
    });
    const routeTo = onlyRoute({ mailbox, replies }, new Set(actors.keys()));
    const caller = createCaller({ actors, routeTo, clock, ids, callWaitMs });
    return { clients, replies, mailbox, caller };
  }

  #startWorker(): Worker {
    const { journal } = this.#world;
    const { actors, envOf, rules, methodBudgetMs, alarmBudgetMs } = this.#options;
    const process = this.#startProcess("worker");
    const { clock, ids } = process;
    const { clients, replies, mailbox, caller } = this.#routeOf(process, methodBudgetMs);
    const telemetry: ServeDeps["telemetry"] = {
      problem: (what, { reason }) => {
        journal.count(what);
        journal.note(`${process.name} ${what}: ${reason}`);
      },
      count: (metric) => journal.count(metric),
    };
    const deps: ServeDeps = {
      actors,
      env: envOf({ process, caller }),
      store: createDynamoStore({ client: clients.dynamo, table: "actors", ids, clock }),
      replies,
      mailbox,
      alarmClock: createAwsAlarmClock({
        client: clients.scheduler,
        mailbox,
        clock,
        telemetry,
        group: "schedules",
        roleArn: "role",
        targetArn: DELAY_URL,
      }),
      deadLetters: createSqsDeadLetters(clients.sqs, DEAD_LETTER_URL),
      clock,
      telemetry,
      methodBudgetMs,
      alarmBudgetMs,
      exposeStacks: false,
      activations: new Activations(10),
      lease: createSqsLease(clients.sqs, MAILBOX_URL),
      queueLeaseMs: this.queueLeaseMs,
      shortLeaseMs: SHORT_LEASE_MS,
    };
    return { process, deps: rules.bendWorker(deps, process) };
  }
}
