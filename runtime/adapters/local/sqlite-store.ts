import type { StatementResultingChanges } from "node:sqlite";
import { actorIdOf, actorKey } from "../../core/actor-id.ts";
import { type Committed, isSameCommit } from "../../core/mark.ts";
import type { Wake } from "../../ports/alarm-clock.ts";
import type { ActorId } from "../../ports/mailbox.ts";
import type { Commit, CommitResult, Head, Store } from "../../ports/store.ts";
import type { StateFile } from "./state-file.ts";

/** Heads of which is remembered what is on disk. */
const RECENT_HEADS = 10_000;

export interface SqliteStore extends Store {
  /** The instances whose head holds messages that may not have left yet. */
  unsent(): ActorId[];
  /** The wakes that heads count on, the earliest first. */
  wakes(): { readonly id: ActorId; readonly wake: Wake }[];
}

/** A Store in the state file. Commits that arrive together share one disk flush, also those of different instances. */
export function createSqliteStore({ db, write, durable }: StateFile): SqliteStore {
  const selectHead = db.prepare("SELECT head FROM heads WHERE actor = ?");
  const insertHead = db.prepare(
    "INSERT INTO heads (version, head, unsent, wake, actor) VALUES (?, ?, ?, ?, ?) ON CONFLICT (actor) DO NOTHING",
  );
  const updateHead = db.prepare(
    "UPDATE heads SET version = ?, head = ?, unsent = ?, wake = ? WHERE actor = ? AND version = ?",
  );
  // Touches no index: most commits are like this.
  const updatePlain = db.prepare(
    "UPDATE heads SET version = ?, head = ? WHERE actor = ? AND version = ? AND unsent = 0 AND wake IS NULL",
  );
  const selectUnsent = db.prepare("SELECT actor FROM heads WHERE unsent = 1");
  // Not the whole heads: there may be 100,000s, with values of several KB each.
  const selectWakes = db.prepare(
    "SELECT actor, wake, json_extract(head, '$.wake.version') AS version FROM heads WHERE wake IS NOT NULL ORDER BY wake",
  );
  const selectEntry = db.prepare("SELECT value FROM entries WHERE actor = ? AND generation = ? AND key = ?");
  const upsertEntry = db.prepare(
    "INSERT INTO entries (actor, generation, key, value) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  );
  const deleteEntry = db.prepare("DELETE FROM entries WHERE actor = ? AND generation = ? AND key = ?");
  // BINARY collation compares the bytes of UTF-8, the order that `list` promises.
  const selectRange = (order: "ASC" | "DESC") =>
    db.prepare(
      `SELECT key, value FROM entries WHERE actor = ? AND generation = ? AND key >= ? AND (? IS NULL OR key < ?) ORDER BY key ${order} LIMIT ?`,
    );
  const selectUp = selectRange("ASC");
  const selectDown = selectRange("DESC");
  const deleteGarbage = db.prepare(
    "DELETE FROM entries WHERE (actor, generation, key) IN (SELECT actor, generation, key FROM entries WHERE actor = ? AND generation < ? LIMIT ?)",
  );

  /** Heads as they are on disk: only this process writes the file, and a commit takes its head out until it has landed. */
  const heads = new RecentHeads();

  const apply = ({ id, expected, head, entries }: Commit, json: string): CommitResult => {
    const instance = actorKey(id);
    heads.forget(instance);
    const unsent = head.outbox.length > 0 ? 1 : 0;
    const wake = head.wake?.at ?? null;
    const isWritten =
      expected === 0
        ? hasChanged(insertHead.run(head.version, json, unsent, wake, instance))
        : (unsent === 0 &&
            wake === null &&
            hasChanged(updatePlain.run(head.version, json, instance, expected))) ||
          hasChanged(updateHead.run(head.version, json, unsent, wake, instance, expected));
    if (!isWritten) return { status: "fenced" };
    for (const [key, text] of entries) {
      if (text === undefined) deleteEntry.run(instance, head.generation, key);
      else upsertEntry.run(instance, head.generation, key, text);
    }
    return { status: "committed" };
  };

  const readHead = async (instance: string): Promise<Head | undefined> => {
    const row = selectHead.get(instance);
    await durable();
    return row && headFromJson(String(row.head));
  };

  return {
    hydrate(id, known) {
      const instance = actorKey(id);
      const recent = heads.get(instance);
      return known && recent && isSameCommit(known, recent) ? known : readHead(instance);
    },
    async readEntry(id, generation, key) {
      const row = selectEntry.get(actorKey(id), generation, key);
      return row && String(row.value);
    },
    async listEntries(id, { generation, from, to = null, reverse, limit }) {
      const statement = reverse ? selectDown : selectUp;
      const rows = statement.all(actorKey(id), generation, from, to, to, limit + 1);
      const entries = rows.map(({ key, value }) => [String(key), String(value)] as const);
      return { entries: entries.slice(0, limit), more: entries.length > limit };
    },
    commit(commit) {
      // Outside of the job: what throws there fails all that share its transaction.
      const json = headToJson(commit.head);
      return write(
        () => apply(commit, json),
        ({ status }) => {
          if (status !== "committed") return;
          const { version, mark } = commit.head;
          heads.set(actorKey(commit.id), { version, mark });
        },
      );
    },
    async sweep(id, head, limit) {
      return Number(deleteGarbage.run(actorKey(id), head.generation, limit).changes) < limit;
    },
    unsent() {
      return selectUnsent.all().map(({ actor }) => actorIdOf(String(actor)));
    },
    wakes() {
      return selectWakes.all().map(({ actor, wake, version }) => ({
        id: actorIdOf(String(actor)),
        wake: { at: Number(wake), version: Number(version) },
      }));
    },
  };
}

/** The heads that were committed last, as they are on disk, by key of their instance; the first one of them goes first. */
class RecentHeads {
  /** `undefined` where a commit is under way: it keeps its place. */
  readonly #heads = new Map<string, Committed | undefined>();

  get(instance: string): Committed | undefined {
    return this.#heads.get(instance);
  }

  set(instance: string, head: Committed): void {
    this.#heads.set(instance, head);
    if (this.#heads.size <= RECENT_HEADS) return;
    const [oldest] = this.#heads.keys();
    if (oldest !== undefined) this.#heads.delete(oldest);
  }

  forget(instance: string): void {
    if (this.#heads.has(instance)) this.#heads.set(instance, undefined);
  }
}

function hasChanged({ changes }: StatementResultingChanges): boolean {
  return Number(changes) > 0;
}

/** What is `undefined` is left out. */
function headToJson(head: Head): string {
  const { version, spilled, generation, swept, mark, alarm, wake, trial } = head;
  const inline = [...head.inline];
  const settled = [...head.settled];
  const outbox = head.outbox.length > 0 ? head.outbox : undefined;
  const columns: Record<keyof Head, unknown> = {
    version,
    spilled,
    generation,
    swept,
    mark,
    alarm,
    wake,
    trial,
    inline,
    settled,
    outbox,
  };
  return JSON.stringify(columns);
}

/** The head in the column `head`. */
export function headFromJson(json: string): Head {
  const { inline, settled, mark, outbox = [], alarm, wake, trial, ...rest } = JSON.parse(json);
  return { ...rest, mark, inline: new Map(inline), settled: new Map(settled), outbox, alarm, wake, trial };
}
