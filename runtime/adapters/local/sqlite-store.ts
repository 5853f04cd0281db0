import { actorKey } from "../../core/actor-id.ts";
import type { ActorId } from "../../ports/mailbox.ts";
import type { Commit, CommitResult, Head, Store } from "../../ports/store.ts";
import type { StateFile } from "./state-file.ts";

export interface SqliteStore extends Store {
  /** The instances whose head holds messages that may not have left yet. */
  unsent(): ActorId[];
}

/** A Store in the state file. Commits that arrive together share one disk flush, also those of different instances. */
export function createSqliteStore({ db, write }: StateFile): SqliteStore {
  const selectHead = db.prepare("SELECT head FROM heads WHERE actor = ?");
  const selectVersion = db.prepare("SELECT version FROM heads WHERE actor = ?");
  const upsertHead = db.prepare(
    "INSERT INTO heads (actor, version, head, unsent) VALUES (?, ?, ?, ?) ON CONFLICT (actor) DO UPDATE SET version = excluded.version, head = excluded.head, unsent = excluded.unsent",
  );
  const selectUnsent = db.prepare("SELECT actor FROM heads WHERE unsent = 1");
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

  const apply = ({ id, expected, head, entries }: Commit): CommitResult => {
    const instance = actorKey(id);
    if (Number(selectVersion.get(instance)?.version ?? 0) !== expected) return { status: "fenced" };
    upsertHead.run(instance, head.version, headToJson(head), head.outbox.length > 0 ? 1 : 0);
    for (const [key, text] of entries) {
      if (text === undefined) deleteEntry.run(instance, head.generation, key);
      else upsertEntry.run(instance, head.generation, key, text);
    }
    return { status: "committed" };
  };

  return {
    async hydrate(id) {
      const row = selectHead.get(actorKey(id));
      return row && headFromJson(String(row.head));
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
      return write(() => apply(commit));
    },
    async sweep(id, head, limit) {
      return Number(deleteGarbage.run(actorKey(id), head.generation, limit).changes) < limit;
    },
    unsent() {
      return selectUnsent.all().map(({ actor }) => actorIdOf(String(actor)));
    },
  };
}

/** The instance that `actorKey` made this text of: a type holds no slash, a name may. */
function actorIdOf(key: string): ActorId {
  const slash = key.indexOf("/");
  return { type: key.slice(0, slash), name: key.slice(slash + 1) };
}

function headToJson({ inline, settled, outbox, ...rest }: Head): string {
  return JSON.stringify({
    ...rest,
    inline: [...inline],
    settled: [...settled],
    ...(outbox.length > 0 && { outbox }),
  });
}

function headFromJson(json: string): Head {
  const { inline, settled, mark, outbox = [], ...rest } = JSON.parse(json);
  return { ...rest, mark, inline: new Map(inline), settled: new Map(settled), outbox };
}
