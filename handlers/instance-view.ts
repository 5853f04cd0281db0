import { inspect } from "node:util";
import { actorKey, utf8Length } from "../runtime/core/actor-id.ts";
import { decode } from "../runtime/core/codec.ts";
import { messageOf } from "../runtime/core/errors.ts";
import { compareKeys } from "../runtime/core/key-order.ts";
import type { ActorId } from "../runtime/ports/mailbox.ts";
import type { Head, Store } from "../runtime/ports/store.ts";

/** How much of a value is shown, in characters. */
const SHOWN = 4_000;

export interface ShownKey {
  readonly key: string;
  /** Of the value's codec text, in UTF-8. */
  readonly bytes: number;
  /** As a JavaScript console shows it, its end cut off when it is long. */
  readonly value: string;
}

/** A page of an instance's keys, in the order of their UTF-8 bytes. */
export async function keysOf(
  { id, head }: { id: ActorId; head: Head },
  { after, limit, store }: { after: string | undefined; limit: number; store: Store },
): Promise<{ readonly keys: ShownKey[]; readonly more: boolean }> {
  // The next key after any key is that key with a zero byte behind it.
  const from = after === undefined ? "" : `${after}\0`;
  const inline = [...head.inline].filter(([key]) => compareKeys(key, from) >= 0);
  const range = { generation: head.generation, from, to: undefined, reverse: false, limit: limit + 1 };
  const { entries } = head.spilled ? await store.listEntries(id, range) : { entries: [] };
  const found = [...inline, ...entries].sort(([a], [b]) => compareKeys(a, b));
  const keys = found
    .slice(0, limit)
    .map(([key, text]) => ({ key, bytes: utf8Length(text), value: shown(text, `${actorKey(id)} ${key}`) }));
  return { keys, more: found.length > limit };
}

/** A value as a JavaScript console shows it. Codec texts hold plain values, so nothing of anybody's runs. */
export function shownValue(value: unknown): string {
  const text = inspect(value, { depth: 8, maxStringLength: SHOWN, maxArrayLength: 200, breakLength: 80 });
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}

function shown(text: string, what: string): string {
  try {
    return shownValue(decode(text, what));
  } catch (error) {
    return messageOf(error);
  }
}
