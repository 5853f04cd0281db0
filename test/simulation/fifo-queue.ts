import type { World } from "./world.ts";

/** A send with an id that came within this time before is swallowed, in ms. */
const DEDUPLICATION_MS = 5 * 60_000;
/** How soon dead letters are sent again, in ms. */
const OPERATOR_MS = 180_000;
/** Most messages of a batch. */
const BATCH = 10;

interface Message {
  readonly body: string;
  readonly group: string;
  /** Decimal digits, growing within a group. */
  readonly sequence: string;
  readonly sentAt: number;
  firstReceivedAt: number;
  receives: number;
  /** Until then nobody else gets it, in ms since the epoch. */
  hiddenUntil: number;
  /** Names the receive that may delete it. */
  receipt: string;
}

/** A message as received. */
export type Received = Readonly<Omit<Message, "hiddenUntil">>;

export interface FifoQueueOptions {
  readonly visibilityMs: number;
  /** How often a message is received before it becomes a dead letter. */
  readonly maxReceives: number;
  /** Whether nobody gets messages of a group while some of it are out. */
  readonly groupLock: boolean;
  /** Told whenever there may be messages to receive. */
  readonly onReady: () => void;
  /** Told of a message that has become a dead letter. */
  readonly onDead: (body: string) => void;
  /** Told of a message that is swallowed, and of the one that it is taken for. */
  readonly onSwallowed: (body: string, before: string) => void;
}

/** An SQS FIFO queue with a group for each instance, and its dead-letter queue. */
export class FifoQueue {
  readonly #world: World;
  readonly #options: FifoQueueOptions;
  #messages: Message[] = [];
  #dead: (Message & { readonly diedAt: number; readonly givenUp: boolean })[] = [];
  /** When each message was given up, by group and id. */
  readonly #buried = new Map<string, number>();
  /** What was sent with each id, by group and id. */
  readonly #ids = new Map<string, { readonly at: number; readonly body: string }>();
  #sequence = 9_999_999_990n;
  #receipts = 0;

  constructor(world: World, options: FifoQueueOptions) {
    this.#world = world;
    this.#options = options;
  }

  send(body: string, { group, id }: { group: string; id: string }): void {
    const { timeline, journal } = this.#world;
    const key = `${group} ${id}`;
    const before = this.#ids.get(key);
    if (before !== undefined && timeline.now - before.at < DEDUPLICATION_MS) {
      journal.count("deduplicated");
      this.#options.onSwallowed(body, before.body);
      return;
    }
    this.#ids.set(key, { at: timeline.now, body });
    this.#add(body, group);
  }

  /** The next messages: of several groups, each in order. */
  receive(): Received[] {
    const { timeline, random } = this.#world;
    const groups = [...new Set(this.#messages.map(({ group }) => group))];
    const first = random.between(0, Math.max(0, groups.length - 1));
    const batch: Message[] = [];
    for (const group of [...groups.slice(first), ...groups.slice(0, first)]) {
      batch.push(...this.#available(group).slice(0, BATCH - batch.length));
    }
    for (const message of batch) {
      message.receives++;
      if (message.receives === 1) message.firstReceivedAt = timeline.now;
      message.receipt = `receipt-${++this.#receipts}`;
    }
    this.#hide(batch, this.#options.visibilityMs);
    return batch.map((message) => ({ ...message }));
  }

  /** Makes messages visible again after `ms`. @returns the receipts of those that are still held */
  hide(receipts: readonly string[], ms: number): Set<string> {
    const held = this.#held(receipts);
    this.#hide(held, ms);
    return new Set(held.map(({ receipt }) => receipt));
  }

  /** Takes messages out. Whoever has lost them changes nothing. @returns the bodies of those that are gone */
  delete(receipts: readonly string[]): string[] {
    const gone = this.#held(receipts);
    this.#messages = this.#messages.filter((message) => !gone.includes(message));
    if (gone.length > 0) this.#options.onReady();
    return gone.map(({ body }) => body);
  }

  /** Puts a message beside the dead letters, as a worker does that gives it up. */
  bury(body: string, { group, id }: { group: string; id: string }): void {
    const { now } = this.#world.timeline;
    const before = this.#buried.get(`${group} ${id}`);
    if (before !== undefined && now - before < DEDUPLICATION_MS) return;
    this.#buried.set(`${group} ${id}`, now);
    this.#dead.push({ ...this.#message(body, group), diedAt: now, givenUp: true });
  }

  /** Sends dead letters again, as new messages. */
  redrive(): void {
    // An operator needs a moment; and in earnest no message is dead before the deadline of its call.
    const until = this.#world.timeline.now - OPERATOR_MS;
    const dead = this.#dead.filter(({ diedAt }) => diedAt <= until);
    this.#dead = this.#dead.filter(({ diedAt }) => diedAt > until);
    for (const { body, group } of dead) {
      this.#world.journal.count("redriven");
      this.#add(body, group);
    }
  }

  /** What lies in a group: `all`, or only what nobody has received and not given back. */
  bodies(group: string, which: "all" | "waiting"): string[] {
    const { now } = this.#world.timeline;
    return this.#messages
      .filter((message) => message.group === group && (which === "all" || message.hiddenUntil <= now))
      .map(({ body }) => body);
  }

  get size(): number {
    return this.#messages.length;
  }

  /** The dead letters that were only received too often. */
  get deadLetters(): readonly string[] {
    return this.#dead.filter(({ givenUp }) => !givenUp).map(({ body }) => body);
  }

  #add(body: string, group: string): void {
    this.#messages.push(this.#message(body, group));
    this.#options.onReady();
  }

  #message(body: string, group: string): Message {
    const { timeline, random } = this.#world;
    this.#sequence += BigInt(random.between(1, 256));
    return {
      body,
      group,
      sequence: String(this.#sequence),
      sentAt: timeline.now,
      firstReceivedAt: 0,
      receives: 0,
      hiddenUntil: 0,
      receipt: "",
    };
  }

  /** What may be received of a group; what was received too often leaves it. */
  #available(group: string): Message[] {
    const { timeline, journal } = this.#world;
    const { maxReceives, groupLock, onDead } = this.#options;
    const messages = this.#messages.filter((message) => message.group === group);
    const visible = messages.filter(({ hiddenUntil }) => hiddenUntil <= timeline.now);
    if (groupLock && visible.length < messages.length) return [];
    return visible.filter((message) => {
      if (message.receives < maxReceives) return true;
      journal.count("dead-lettered");
      this.#messages = this.#messages.filter((other) => other !== message);
      this.#dead.push({ ...message, diedAt: timeline.now, givenUp: false });
      onDead(message.body);
      return false;
    });
  }

  #hide(messages: readonly Message[], ms: number): void {
    const { timeline } = this.#world;
    const until = timeline.now + ms;
    for (const message of messages) message.hiddenUntil = until;
    if (messages.length > 0) timeline.at(until, () => this.#options.onReady());
  }

  /** A receipt is worth nothing any more when its message is visible again. */
  #held(receipts: readonly string[]): Message[] {
    const { now } = this.#world.timeline;
    return this.#messages.filter(
      ({ receipt, hiddenUntil }) => receipts.includes(receipt) && hiddenUntil > now,
    );
  }
}
