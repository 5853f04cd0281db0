import { utf8Length } from "./actor-id.ts";

/** What a turn changes: first everything is cleared or not, then keys are set (text) or removed (`undefined`). */
export interface Changes {
  readonly cleared: boolean;
  readonly writes: ReadonlyMap<string, string | undefined>;
}

export const NO_CHANGES: Changes = { cleared: false, writes: new Map() };

/** Whether anything would change. */
export function isEmpty({ cleared, writes }: Changes): boolean {
  return !cleared && writes.size === 0;
}

/** What the writes weigh, in UTF-8 bytes of keys and codec text. */
export function writtenBytes(writes: Changes["writes"]): number {
  let bytes = 0;
  for (const [key, text] of writes) bytes += utf8Length(key) + utf8Length(text ?? "");
  return bytes;
}

/** A turn's buffered writes as codec text, or those of one transaction within it. */
export class Draft implements Changes {
  #cleared = false;
  readonly writes = new Map<string, string | undefined>();

  get cleared(): boolean {
    return this.#cleared;
  }

  put(key: string, text: string): void {
    this.writes.set(key, text);
  }

  remove(key: string): void {
    this.writes.set(key, undefined);
  }

  clear(): void {
    this.#cleared = true;
    this.writes.clear();
  }

  /** Takes over later changes. */
  absorb({ cleared, writes }: Changes): void {
    if (cleared) this.clear();
    for (const [key, text] of writes) this.writes.set(key, text);
  }
}
