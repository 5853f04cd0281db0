import { endOf, HEAD, valueEntry } from "../../runtime/adapters/aws/actor-table.ts";
import { headFromItem } from "../../runtime/adapters/aws/dynamo-head.ts";
import { decode } from "../../runtime/core/codec.ts";
import type { Head } from "../../runtime/ports/store.ts";
import type { Item } from "./expressions.ts";
import type { Landed, Table } from "./table.ts";

/** A commit that has landed, and what an instance's storage holds from then on. */
export interface Committed {
  /** `Type/name`. */
  readonly instance: string;
  readonly head: Head;
  /** The value of a key. */
  read(key: string): unknown;
}

/** The commits among writes to the actor table: each replaces a head by one of another version. */
export function commitsIn(writes: readonly Landed[], table: Table): Committed[] {
  return writes.flatMap(({ key, before, after }) => {
    const instance = key.actor?.S;
    if (key.entry?.S !== HEAD || !after || instance === undefined) return [];
    if (before?.version?.N === after.version?.N) return [];
    const head = headFromItem(after);
    const pending = changesOf(after, table.range.bind(table, instance));
    const read = (name: string) => {
      const entry = valueEntry(head.generation, name);
      const stored = () => table.get({ actor: { S: instance }, entry: { S: entry } })?.value?.S;
      const text = head.inline.get(name) ?? (pending.has(entry) ? pending.get(entry) : stored());
      return text === undefined ? undefined : decode(text, name);
    };
    return [{ instance, head, read }];
  });
}

/** What the journal that a head names will change, by sort key. */
function changesOf(
  { journal }: Item,
  range: (from: string, to: string) => Item[],
): Map<string, string | undefined> {
  if (journal?.S === undefined) return new Map();
  const changes = range(journal.S, endOf(journal.S)).flatMap((part) => part.changes?.L ?? []);
  return new Map(changes.map(({ M }) => [M?.entry?.S ?? "", M?.text?.S]));
}
