import type { Head } from "../ports/store.ts";
import { utf8Length } from "./actor-id.ts";
import type { KeyChanges } from "./draft.ts";
import type { Home, State } from "./state.ts";

/** Largest value kept in the head, in UTF-8 bytes, key included. */
const INLINE_VALUE_BYTES = 2048;
/** All values kept in the head together: what remains of a 4 KB read unit beside version, mark and settled. */
export const INLINE_TOTAL_BYTES = 3072;

/** Where the changed keys will live, and which entries of their own that changes. */
export interface Layout {
  readonly inline: Head["inline"];
  readonly spilled: boolean;
  readonly entries: ReadonlyMap<string, string | undefined>;
  readonly homes: ReadonlyMap<string, Home>;
}

/**
 * Decides for each change between the head and an entry of its own. A commit that only changes the head is one
 * plain write, half the price of a transaction, so values stay in the head as long as it stays within one read unit.
 */
export function layOut(state: State, { cleared, writes }: KeyChanges): Layout {
  const inline = new Map(cleared ? [] : state.head.inline);
  const entries = new Map<string, string | undefined>();
  const homes = new Map<string, Home>();

  const removeEntry = (key: string) => {
    const home = cleared ? "nowhere" : state.home(key);
    if (home === "entry" || home === "unknown") entries.set(key, undefined);
  };
  const toEntry = (key: string, text: string) => {
    inline.delete(key);
    entries.set(key, text);
    homes.set(key, "entry");
  };

  for (const [key, text] of writes) {
    if (text === undefined) {
      inline.delete(key);
      removeEntry(key);
      homes.set(key, "nowhere");
    } else if (mayInline(key, text)) {
      inline.set(key, text);
      removeEntry(key);
      homes.set(key, "inline");
    } else {
      toEntry(key, text);
    }
  }

  let total = 0;
  for (const [key, text] of inline) total += sizeOf(key, text);
  if (total > INLINE_TOTAL_BYTES) {
    const movable = [...writes.keys()].filter((key) => homes.get(key) === "inline");
    movable.sort((a, b) => sizeOf(b, inline.get(b) ?? "") - sizeOf(a, inline.get(a) ?? ""));
    for (const key of movable) {
      if (total <= INLINE_TOTAL_BYTES) break;
      const text = inline.get(key) ?? "";
      total -= sizeOf(key, text);
      toEntry(key, text);
    }
  }

  const spilled = (state.head.spilled && !cleared) || [...homes.values()].includes("entry");
  return { inline, spilled, entries, homes };
}

function mayInline(key: string, text: string): boolean {
  // DynamoDB allows no empty attribute name.
  return key !== "" && sizeOf(key, text) <= INLINE_VALUE_BYTES;
}

function sizeOf(key: string, text: string): number {
  return utf8Length(key) + utf8Length(text);
}
