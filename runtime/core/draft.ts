import type { Alarm } from "../ports/alarm-clock.ts";
import { utf8Length } from "./actor-id.ts";
import { StorageLimitError } from "./errors.ts";

/** One-way messages of one turn: they lie in the head until they have left. */
const MAX_POSTS = 100;
const MAX_POSTED_BYTES = 128 * 1024;

/** What changes in storage: first everything is cleared or not, then keys are set (text) or removed (`undefined`). */
export interface KeyChanges {
  readonly cleared: boolean;
  readonly writes: ReadonlyMap<string, string | undefined>;
}

/** What a turn changes. */
export interface Changes extends KeyChanges {
  /** One-way messages that leave with the commit, as envelope texts, in order. */
  readonly posts: readonly string[];
  /** The alarm that is set, or `null` where there is none afterwards; `undefined`: it stays as it is. */
  readonly alarm: Alarm | null | undefined;
}

export const NO_CHANGES: Changes = { cleared: false, writes: new Map(), posts: [], alarm: undefined };

/** Whether anything would change. */
export function isEmpty({ cleared, writes, posts, alarm }: Changes): boolean {
  return !cleared && writes.size === 0 && posts.length === 0 && alarm === undefined;
}

/** What the writes weigh, in UTF-8 bytes of keys and codec text. */
export function writtenBytes(writes: Changes["writes"]): number {
  let bytes = 0;
  for (const [key, text] of writes) bytes += utf8Length(key) + utf8Length(text ?? "");
  return bytes;
}

/** A turn's buffered writes as codec text, or those of one transaction within it; and the turn's messages and alarm. */
export class Draft implements Changes {
  #cleared = false;
  #postedBytes = 0;
  readonly writes = new Map<string, string | undefined>();
  readonly posts: string[] = [];
  alarm: Changes["alarm"] = undefined;

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

  /**
   * Adds a one-way message.
   *
   * @throws StorageLimitError the turn's messages are too many or too large
   */
  post(envelope: string): void {
    const bytes = this.#postedBytes + utf8Length(envelope);
    if (this.posts.length === MAX_POSTS || bytes > MAX_POSTED_BYTES) {
      throw new StorageLimitError(
        `the messages of a turn are over their limit: this one would be number ${this.posts.length + 1}, ${bytes} bytes together; at most ${MAX_POSTS} and ${MAX_POSTED_BYTES} bytes are allowed`,
      );
    }
    this.#postedBytes = bytes;
    this.posts.push(envelope);
  }

  /** Takes over later changes. */
  absorb({ cleared, writes, posts, alarm }: Changes): void {
    if (cleared) this.clear();
    for (const [key, text] of writes) this.writes.set(key, text);
    this.posts.push(...posts);
    if (alarm !== undefined) this.alarm = alarm;
  }
}
