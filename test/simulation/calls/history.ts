import { decode } from "../../../runtime/core/codec.ts";
import { messageId, outcomeIds } from "../../../runtime/core/envelope-id.ts";
import { decodeMessage } from "../../../runtime/core/message.ts";
import { decodeOutcome } from "../../../runtime/core/outcome.ts";
import type { Head } from "../../../runtime/ports/store.ts";
import { type Committed, commitsIn } from "../committed.ts";
import { filedText, isStashed } from "../filed.ts";
import type { Landed, Table } from "../table.ts";
import type { World } from "../world.ts";
import { type Answer, type Asking, describe, isFinal } from "./answer.ts";
import { LOG, type Place, type Reading } from "./ledger.ts";
import type { Operation } from "./programme.ts";
import { parse, tagIn } from "./tag.ts";

/** How much earlier an answer may expire than it should, in ms: clocks that have stalled are behind. */
const EXPIRY_TOLERANCE_MS = 15 * 60_000;
/** How much earlier than it is due a message may come, in ms: the forwarder's second, and clocks that differ. */
const EARLY_MS = 3_500;

interface Entry {
  readonly tag: string;
  readonly time: number;
}

export interface HistoryOptions {
  readonly actors: () => Table;
  readonly replies: () => Table;
  readonly retentionMs: number;
  /** Whether nothing fails, and no call takes long: then every asking is answered. */
  readonly calm: boolean;
  /** By how much clocks may be wrong, in ms. */
  readonly skewMs: number;
  /** Whether workers end for other reasons than their calls. */
  readonly crashes: boolean;
}

/**
 * What callers were told, and what was committed, against what calls promise. A ledger's state is its history, so the order of its
 * entries is the order of its calls: the system is linearizable if each entry was committed between the asking and the answer of its
 * call, and each reading gives what was there at some moment between the two.
 */
export class History {
  readonly #world: World;
  readonly #options: HistoryOptions;
  readonly #logs = new Map<string, Entry[]>();
  readonly #heads = new Map<string, Head>();
  /** When each entry was committed, by instance and tag. */
  readonly #committed = new Map<string, number>();
  readonly #askings = new Map<number, Asking[]>();
  readonly #operations = new Map<string, Operation>();
  /** Tags whose messages have been dead letters. */
  readonly #dead = new Set<string>();
  /** Tags of what has happened again, when its first outcome had expired. */
  readonly #twice = new Set<string>();
  /** Tags of messages whose turn took too long, or ended its workers. */
  readonly #overrun = new Set<string>();
  /** Where the messages of an entry went to, in order, by sender and receiver. */
  readonly #posted = new Map<string, string[]>();
  /** Messages that came before one that was sent before them. */
  readonly #overtakings: { readonly name: string; readonly tag: string; readonly missing: string }[] = [];

  constructor(world: World, options: HistoryOptions) {
    this.#world = world;
    this.#options = options;
  }

  asked(operation: Operation): Asking {
    const { journal, timeline } = this.#world;
    const asking: Asking = { operation, start: timeline.now, end: undefined, answer: undefined };
    const askings = this.#askings.get(operation.number) ?? [];
    askings.push(asking);
    this.#askings.set(operation.number, askings);
    this.#operations.set(operation.plan.tag, operation);
    journal.note(
      `client ${operation.client} asks ${operation.instance} to ${operation.kind} ${operation.plan.tag}`,
    );
    return asking;
  }

  answered(asking: Asking, answer: Answer): void {
    const { journal, timeline } = this.#world;
    const { operation, start } = asking;
    const { kind, plan, instance } = operation;
    asking.end = timeline.now;
    asking.answer = answer;
    journal.count(`${kind} ${answer.kind}`);
    journal.note(`client ${operation.client} is told ${plan.tag}: ${describe(answer)}`);
    if (answer.kind === "refused" && answer.name !== "ActorDeadlineError") {
      journal.breaks("nothing is refused without a reason", `${plan.tag}: ${answer.name}`);
    }
    if (this.#options.calm && (answer.kind === "unknown" || answer.kind === "refused")) {
      journal.breaks("where nothing fails, every call is answered", `${plan.tag}: ${answer.name}`);
    }
    if (answer.kind === "failed" && plan.fails === "no" && !plan.asks && answer.name === "Error") {
      journal.breaks("only what throws fails", plan.tag);
    }
    if (answer.kind === "ok" && kind === "add") this.#checkPlace(instance, answer.value as Place, plan.tag);
    if (answer.kind === "ok" && kind === "read") this.#checkReading(operation, answer.value as Reading);
    if (kind === "send") return;
    const others = this.#askingsOf(operation).filter((other) => other !== asking && isFinal(other.answer));
    if (!isFinal(answer) || this.#mayHaveExpired(operation, start)) return;
    for (const other of others) {
      if (describe(other.answer) === describe(answer)) continue;
      // The one limit that is known: see `isLimited`.
      if (this.#isLimited(operation)) continue;
      journal.breaks(
        "every asking gets the first outcome",
        `${plan.tag}: ${describe(other.answer)}, then ${describe(answer)}`,
      );
    }
  }

  /** Writes to the actor table have landed. */
  landed(writes: readonly Landed[]): void {
    const { journal } = this.#world;
    for (const commit of commitsIn(writes, this.#options.actors())) this.#commit(commit);
    for (const { key, before, after } of writes) {
      if (key.entry?.S !== "head") continue;
      if (after?.journal) journal.count("journal");
      else if (before?.journal) journal.count("journal applied");
    }
  }

  /** Writes to the reply table have landed. */
  replied(writes: readonly Landed[]): void {
    const { journal, timeline } = this.#world;
    for (const { key, before, after } of writes) {
      const id = key.id?.S ?? "";
      if (!after || id.includes(".")) continue;
      if (isStashed(after)) journal.count("stashed");
      const text = filedText(after, this.#options.replies());
      if (
        before &&
        Number(before.expires?.N) * 1000 > timeline.now + 10 * 60_000 &&
        filedText(before, this.#options.replies()) !== text
      ) {
        journal.breaks("the first reply stands", id);
      }
      if (text === undefined) {
        journal.breaks("a reply can be read", id);
        continue;
      }
      const { outcome } = decodeOutcome(text);
      const value = outcome.ok ? (decode(outcome.result, "result") as Partial<Place> | undefined) : undefined;
      if (value?.tag === undefined) continue;
      const instance = this.#instanceOf(value.tag);
      if (instance !== undefined) this.#checkPlace(instance, value as Place, value.tag);
    }
  }

  /** Messages are deleted that workers have finished. */
  deleted(bodies: readonly string[]): void {
    for (const envelope of bodies.flatMap((body) => decodeMessage(body))) {
      const tag = tagIn(envelope.call.args);
      const { journal } = this.#world;
      const ids = outcomeIds(envelope);
      const filed = ids
        .map((id) => this.#options.replies().get({ id: { S: id } }))
        .find((item) => item !== undefined);
      if (!filed) journal.breaks("nothing is deleted unanswered", `${tag ?? "a reading"} (${envelope.id})`);
      // A worker that stalls in a turn runs over its budget; one that dies again and again is held against its call.
      const outcome = filed?.outcome?.S ?? "";
      const lost = ["ActorMethodTimeoutError", "ActorCrashedError"].find((name) => outcome.includes(name));
      if (lost !== undefined) journal.count(lost);
      if (lost !== undefined && tag !== undefined) this.#overrun.add(tag);
      if (
        lost === "ActorCrashedError" &&
        !this.#options.crashes &&
        !this.#operations.get(tag ?? "")?.plan.kills
      ) {
        journal.breaks("nobody is given up for what others did", `${tag}`);
      }
    }
  }

  dead(body: string): void {
    for (const { call } of decodeMessage(body)) {
      const tag = tagIn(call.args);
      if (tag !== undefined) this.#dead.add(tag);
      this.#world.journal.note(`dead letter ${tag}`);
    }
  }

  /** The queue takes a message for another one. */
  swallowed(body: string, before: string): void {
    const [one, other] = [body, before].map((each) => decodeMessage(each).map(messageId).join(", "));
    if (one === other) return;
    this.#world.journal.breaks("only copies of one message are swallowed", `${one} for ${other}`);
  }

  forgot(how: string): void {
    this.#world.journal.breaks("fields are never ahead of the storage", how);
  }

  /** Nothing will happen any more. */
  ended(): void {
    const { journal } = this.#world;
    for (const [instance, head] of this.#heads) {
      if (head.outbox.length > 0) journal.breaks("no message stays in an outbox", instance);
    }
    for (const askings of this.#askings.values()) this.#checkEffect(askings);
    this.#checkOvertakings();
    this.#checkOrder();
  }

  #commit({ instance, head, read }: Committed): void {
    const { journal, timeline } = this.#world;
    const name = instance.slice(instance.indexOf("/") + 1);
    const log = this.#logs.get(name) ?? [];
    this.#logs.set(name, log);
    this.#heads.set(name, head);
    const text = read(LOG) as string | undefined;
    const tags = text === undefined ? [] : text.split(";");
    if (tags.length < log.length || log.some(({ tag }, index) => tags[index] !== tag)) {
      journal.breaks("what was committed stays", `${name} at version ${head.version}`);
      return;
    }
    const added = tags.slice(log.length);
    journal.note(
      `${name} is at version ${head.version}: [${added.join(", ")}], ${head.outbox.length} messages owed`,
    );
    for (const tag of added) {
      this.#checkEntry(name, tag);
      log.push({ tag, time: timeline.now });
      this.#committed.set(`${name} ${tag}`, timeline.now);
      this.#post(name, tag);
    }
  }

  #checkEntry(name: string, tag: string): void {
    const { journal, timeline } = this.#world;
    const { root, kind } = parse(tag);
    const operation = this.#operations.get(root);
    const earlier = this.#committed.get(`${name} ${tag}`);
    if (!operation) journal.breaks("only what was asked for happens", `${tag} in ${name}`);
    if (!operation) return;
    if (earlier !== undefined) {
      const limited = kind === "own" && this.#isLimited(operation);
      const again = kind !== "own" && this.#twice.has(root);
      if (limited) journal.count("known limit: a dead letter without a key that was asked for again");
      if (limited || again || timeline.now - earlier >= this.#safeMs) this.#twice.add(tag);
      else journal.breaks("each call has its effect once", `${tag} in ${name}`);
    }
    if (kind === "own") {
      if (operation.plan.fails !== "no" || operation.plan.kills)
        journal.breaks("what throws commits nothing", `${tag} in ${name}`);
      if (operation.instance !== name) journal.breaks("a call goes to its instance", `${tag} in ${name}`);
      const failed = this.#askingsOf(operation).some(({ answer }) => answer?.kind === "failed");
      if (failed && !this.#mayHaveExpired(operation, timeline.now)) {
        journal.breaks("what has failed never takes effect", `${tag} in ${name}`);
      }
    } else if (kind === "message") {
      this.#checkMessage(name, tag, operation);
    }
  }

  #checkMessage(name: string, tag: string, { instance, plan }: Operation): void {
    const { journal, timeline } = this.#world;
    const sent = this.#committed.get(`${instance} ${plan.tag}`);
    const post = plan.sends.find((each) => each.tag === tag);
    if (sent === undefined) journal.breaks("a message leaves with its commit", `${tag} in ${name}`);
    if (sent === undefined || !post) return;
    if (timeline.now < sent + (post.delayMs ?? 0) - EARLY_MS - 2 * this.#options.skewMs - this.#lagMs) {
      journal.breaks("a message waits for its delay", `${tag} in ${name}`);
    }
    const row = this.#posted.get(`${instance} ${name}`) ?? [];
    const missing = row
      .slice(0, Math.max(0, row.indexOf(tag)))
      .find(
        (before) =>
          !this.#committed.has(`${name} ${before}`) && !this.#dead.has(before) && !this.#overrun.has(before),
      );
    if (missing !== undefined) this.#overtakings.push({ name, tag, missing });
  }

  /** What is given up leaves its place to those behind it before its message is deleted, or is a dead letter: that comes out in the end. */
  #checkOvertakings(): void {
    for (const { name, tag, missing } of this.#overtakings) {
      if (this.#dead.has(missing) || this.#overrun.has(missing)) continue;
      this.#world.journal.breaks("messages come in order", `${tag} before ${missing} in ${name}`);
    }
  }

  /** A clock that has stalled is behind for the rest of its invocation; a message is due by the clock of its sender. */
  get #lagMs(): number {
    return this.#options.calm ? 0 : EXPIRY_TOLERANCE_MS;
  }

  #post(name: string, tag: string): void {
    const operation = this.#operations.get(tag);
    for (const post of operation?.plan.sends ?? []) {
      if (post.delayMs !== undefined) continue;
      const key = `${name} ${post.to}`;
      this.#posted.set(key, [...(this.#posted.get(key) ?? []), post.tag]);
    }
  }

  #checkPlace(instance: string, { tag, place, before }: Place, asked: string): void {
    const log = this.#logs.get(instance) ?? [];
    if (tag === asked && log[place]?.tag === tag && log[place - 1]?.tag === before) return;
    this.#world.journal.breaks(
      "no reply before its commit, and every reply is true",
      `${tag} at ${place} of ${instance}`,
    );
  }

  #checkReading(operation: Operation, { length, last, torn }: Reading): void {
    const { journal } = this.#world;
    const log = this.#logs.get(operation.instance) ?? [];
    const start = this.#askingsOf(operation)[0]?.start ?? 0;
    const what = `${length} entries up to ${last} in ${operation.instance}`;
    if (torn !== undefined)
      journal.breaks("a commit lands whole or not at all", `${operation.instance}: ${torn}`);
    if (length > log.length || log[length - 1]?.tag !== last)
      journal.breaks("nothing is read before its commit", what);
    const next = log[length];
    if (next && next.time < start) journal.breaks("nothing is read that was over before the call", what);
  }

  /** What was told of an operation, against what became of it. */
  #checkEffect(askings: readonly Asking[]): void {
    const [first] = askings;
    if (!first) return;
    const { journal } = this.#world;
    const { kind, plan, instance } = first.operation;
    const happened = this.#committed.has(`${instance} ${plan.tag}`);
    const kinds = new Set(askings.map(({ answer }) => answer?.kind ?? "unknown"));
    if (kind === "read") return;
    if (
      kind === "send" &&
      kinds.has("ok") &&
      plan.fails === "no" &&
      !plan.asks &&
      !happened &&
      !this.#overrun.has(plan.tag)
    ) {
      journal.breaks("a message that was accepted arrives", plan.tag);
    }
    if (happened && !kinds.has("ok") && !kinds.has("unknown")) {
      journal.breaks("what was refused or failed takes no effect", plan.tag);
    }
    if (!happened) return;
    for (const post of plan.sends) {
      if (!this.#committed.has(`${post.to} ${post.tag}`) && !this.#overrun.has(post.tag)) {
        journal.breaks("a message of a committed call arrives", `${post.tag} in ${post.to}`);
      }
    }
  }

  /** Whoever begins after another one's answer comes after it; so does what one caller sends behind what he has sent. */
  #checkOrder(): void {
    for (const [instance, log] of this.#logs) {
      const calls = log.flatMap(({ tag, time }) => {
        const operation = this.#operations.get(tag);
        // What came again when its outcome had expired has any place, and so has what is delayed or was a dead letter.
        if (
          !operation ||
          this.#mayHaveExpired(operation, time) ||
          (operation.kind === "send" && operation.plan.asks) ||
          operation.delayMs !== undefined ||
          this.#dead.has(tag)
        )
          return [];
        const askings = this.#askingsOf(operation);
        const ok = askings.find(({ answer }) => answer?.kind === "ok");
        return [{ tag, operation, start: askings[0]?.start ?? 0, end: ok?.end ?? Number.POSITIVE_INFINITY }];
      });
      for (const [index, { tag, operation, start }] of calls.entries()) {
        const later = calls
          .slice(index + 1)
          .find(
            ({ operation: { kind, client }, end }) =>
              end < start && (kind !== "send" || client === operation.client),
          );
        if (later)
          this.#world.journal.breaks("calls keep their order", `${tag} before ${later.tag} in ${instance}`);
      }
    }
  }

  /** "An envelope without a key that was settled but never answered, dead-lettered, and asked for again can run a second time." */
  #isLimited(operation: Operation): boolean {
    const { keyed, plan, kind } = operation;
    return !keyed && kind !== "send" && this.#dead.has(plan.tag) && this.#askingsOf(operation).length > 1;
  }

  #askingsOf({ number }: Operation): readonly Asking[] {
    return this.#askings.get(number) ?? [];
  }

  /** Whether the outcome of an operation may have expired by then: it was filed when it was first asked for, or later. */
  #mayHaveExpired(operation: Operation, time: number): boolean {
    const first = this.#askingsOf(operation)[0]?.start ?? time;
    return time - first >= this.#safeMs;
  }

  /** How long an outcome is kept at least. */
  get #safeMs(): number {
    return this.#options.retentionMs - EXPIRY_TOLERANCE_MS;
  }

  /** The instance in which an entry is: its own operation's, or any that has it. */
  #instanceOf(tag: string): string | undefined {
    const operation = this.#operations.get(tag);
    if (operation) return operation.instance;
    return [...this.#logs].find(([name]) => this.#committed.has(`${name} ${tag}`))?.[0];
  }
}
