import type { ActorNamespace } from "../../../runtime/core/namespace.ts";
import { StatefulActor } from "../../../runtime/index.ts";

/** A message, or a call, that an entry makes to another ledger: it enters `tag` there. */
export interface Posted {
  readonly tag: string;
  readonly to: string;
  readonly delayMs: number | undefined;
}

/** What a call does besides its entry. */
export interface Plan {
  /** Names the entry; nothing else has its name. */
  readonly tag: string;
  /** How long it runs, in ms. */
  readonly runs: number;
  /** Whether it throws: before it has written anything, or after. */
  readonly fails: "no" | "before" | "after";
  /** Whether it ends its worker, each time. */
  readonly kills: boolean;
  /** How many keys it writes, all with the same value: enough of them need a journal. */
  readonly keys: number;
  /** How long each of these values is. */
  readonly length: number;
  /** How long a padding its result has. */
  readonly padding: number;
  /** Whether everything is deleted and written anew. */
  readonly clears: boolean;
  readonly sends: readonly Posted[];
  /** The ledger that it calls, and with which key. */
  readonly asks: { readonly to: string; readonly tag: string; readonly keyed: boolean } | undefined;
}

/** Where an entry stands in its ledger, and what stands before it. */
export interface Place {
  readonly tag: string;
  readonly place: number;
  readonly before: string | undefined;
  readonly padding: string;
}

/** What a ledger has in it. */
export interface Reading {
  readonly length: number;
  readonly last: string | undefined;
  /** What is wrong with the keys that were written together. */
  readonly torn: string | undefined;
}

/** `env` of the ledgers of a worker. */
export interface LedgerEnv {
  readonly LEDGER: ActorNamespace<Ledger>;
  pause(ms: number): Promise<void>;
  /** Ends the worker. */
  end(): Promise<never>;
  /** A name that nothing else has. */
  fresh(): string;
  /** An object knows what is not in its storage. */
  forgot(how: string): void;
}

/** Keys under which a ledger keeps its entries, divided by `;`, and what was written together last. */
export const LOG = "log";
const TOGETHER = "together";
const KEYS = "key/";

export const EMPTY_PLAN: Omit<Plan, "tag"> = {
  runs: 0,
  fails: "no",
  kills: false,
  keys: 0,
  length: 0,
  padding: 0,
  clears: false,
  sends: [],
  asks: undefined,
};

/** A ledger: its state is its history. */
export class Ledger extends StatefulActor<LedgerEnv> {
  /** As many entries as this object has made or read: a field, which may vanish, but never be ahead of the storage. */
  #known = 0;

  async add(plan: Plan): Promise<Place> {
    const { tag, runs, fails, kills, keys, padding, clears, sends, asks } = plan;
    if (kills) await this.env.end();
    if (runs > 0) await this.env.pause(runs);
    if (fails === "before") throw new Error("fails before it writes");
    for (const { to, tag, delayMs } of sends) {
      const stub = this.env.LEDGER.idFromName(to);
      const sender = delayMs === undefined ? stub : stub.with({ delayMs });
      await sender.send.add({ ...EMPTY_PLAN, tag });
    }
    if (asks) {
      const stub = this.env.LEDGER.idFromName(asks.to);
      const own = asks.keyed ? asks.tag : `${asks.tag}~${this.env.fresh()}`;
      const asked = asks.keyed ? stub.with({ idempotencyKey: own }) : stub;
      await asked.add({ ...EMPTY_PLAN, tag: own });
    }
    const log = await this.#log();
    if (clears) await this.ctx.storage.deleteAll();
    if (keys > 0 || clears) await this.#writeTogether(plan);
    await this.ctx.storage.put(LOG, [...log, tag].join(";"));
    this.#known = log.length + 1;
    if (fails === "after") throw new Error("fails after it has written");
    return { tag, place: log.length, before: log.at(-1), padding: "x".repeat(padding) };
  }

  async read(): Promise<Reading> {
    const log = await this.#log();
    return { length: log.length, last: log.at(-1), torn: await this.#torn() };
  }

  async #log(): Promise<string[]> {
    const text = await this.ctx.storage.get<string>(LOG);
    const log = text === undefined ? [] : text.split(";");
    if (log.length < this.#known)
      this.env.forgot(`${this.ctx.id} knows ${this.#known} of ${log.length} entries`);
    this.#known = log.length;
    return log;
  }

  async #writeTogether({ tag, keys, length }: Plan): Promise<void> {
    const value = tag + ".".repeat(length);
    await this.ctx.storage.transaction(async (transaction) => {
      for (let index = 0; index < keys; index++) await transaction.put(`${KEYS}${index}`, value);
      const old = (await transaction.list({ prefix: KEYS })).size;
      for (let index = keys; index < old; index++) await transaction.delete(`${KEYS}${index}`);
      await transaction.put(TOGETHER, { value, keys });
    });
  }

  async #torn(): Promise<string | undefined> {
    const { storage } = this.ctx;
    const together = await storage.get<{ value: string; keys: number }>(TOGETHER);
    const values = [...(await storage.list<string>({ prefix: KEYS })).values()];
    if (values.length !== (together?.keys ?? 0)) return `${values.length} keys of ${together?.keys ?? 0}`;
    const other = values.find((value) => value !== together?.value);
    return other === undefined ? undefined : `${other.slice(0, 20)} beside ${together?.value.slice(0, 20)}`;
  }
}
