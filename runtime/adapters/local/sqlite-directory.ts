import type { DatabaseSync } from "node:sqlite";
import { actorIdOf, actorKey } from "../../core/actor-id.ts";
import { inKeyOrder, nameRange } from "../../core/directory.ts";
import type { Directory } from "../../ports/directory.ts";
import { headFromJson } from "./sqlite-store.ts";

/**
 * The instances between two keys that hold anything, as `holdsAnything` says, without reading the whole heads. Its plan is looked at by
 * a test: it must end where the names end, not where the table does.
 */
export const SELECT_PAGE = `
  SELECT actor, version, json_extract(head, '$.alarm.at') AS at, json_extract(head, '$.alarm.retries') AS retries FROM heads
  WHERE actor >= ?1 AND actor < ?2 AND actor <> ?3
    AND (json_array_length(head, '$.inline') > 0 OR json_extract(head, '$.spilled') OR json_extract(head, '$.alarm') IS NOT NULL)
  ORDER BY actor LIMIT ?4`;

/** The Directory of a state file: the heads lie in the order of their names, so they are their own index. */
export function createSqliteDirectory(db: DatabaseSync): Directory {
  const selectPage = db.prepare(SELECT_PAGE);
  const selectNext = db.prepare("SELECT actor FROM heads WHERE actor >= ? ORDER BY actor LIMIT 1");
  const selectHead = db.prepare("SELECT head FROM heads WHERE actor = ?");
  const selectEntries = db.prepare("SELECT key, value FROM entries WHERE actor = ? AND generation = ?");

  return {
    async types() {
      const types: string[] = [];
      // From type to type, not from head to head.
      for (let from = ""; ; ) {
        const key = selectNext.get(from)?.actor;
        if (key === undefined) return types;
        const { type } = actorIdOf(String(key));
        types.push(type);
        from = `${type}${AFTER_SLASH}`;
      }
    },
    async list(query) {
      const { type, after, limit } = query;
      const { from, to } = nameRange(query);
      const rows = selectPage.all(
        actorKey({ type, name: from }),
        to === undefined ? `${type}${AFTER_SLASH}` : actorKey({ type, name: to }),
        after === undefined ? "" : actorKey({ type, name: after }),
        limit + 1,
      );
      const instances = rows.slice(0, limit).map(({ actor, version, at, retries }) => ({
        name: actorIdOf(String(actor)).name,
        version: Number(version),
        alarm: at === null ? undefined : { at: Number(at), retries: Number(retries) },
      }));
      return { instances, more: rows.length > limit };
    },
    async snapshot(id) {
      const instance = actorKey(id);
      // One transaction sees one moment, whatever a server commits meanwhile.
      db.exec("BEGIN");
      try {
        const row = selectHead.get(instance);
        if (row === undefined) return undefined;
        const head = headFromJson(String(row.head));
        const entries = selectEntries
          .all(instance, head.generation)
          .map(({ key, value }) => [String(key), String(value)] as const);
        return { head, values: inKeyOrder([...head.inline, ...entries]) };
      } finally {
        db.exec("COMMIT");
      }
    },
  };
}

/** Sorts right after every text that goes on with a slash. */
const AFTER_SLASH = "0";
