import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import type { WatchedSources } from "./live-bundle.ts";

/** How long nothing must change before a save counts as over, in ms: editors write in several steps. */
const QUIET_MS = 20;
/** How long changes that never pause are waited for, in ms. */
const LONGEST_WAIT_MS = 200;

/** Watches files through their folders: an editor may put a new file in the place of the old one. */
export class SourceWatch {
  readonly #changed: () => void;
  readonly #folders = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>();
  #sources: WatchedSources = { files: new Set(), lacking: new Set() };
  #since: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param changed called soon after something has changed */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /**
   * Watches these from now on.
   *
   * @returns whether there is a folder among them that was not watched: what has changed in it before this was not seen
   */
  watch(sources: WatchedSources): boolean {
    this.#sources = sources;
    const wanted = new Set([...sources.lacking, ...[...sources.files].map((file) => dirname(file))]);
    for (const folder of this.#folders.keys()) if (!wanted.has(folder)) this.#forget(folder);
    let more = false;
    for (const folder of wanted) more = this.#open(folder) || more;
    return more;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const folder of [...this.#folders.keys()]) this.#forget(folder);
  }

  #open(folder: string): boolean {
    const inode = inodeOf(folder);
    const known = this.#folders.get(folder);
    // A folder that was removed and made again is another one, under the same name.
    if (known?.inode === inode) return false;
    this.#forget(folder);
    if (inode === undefined) return false;
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => this.#see(folder, name));
      watcher.on("error", () => this.#forget(folder));
      this.#folders.set(folder, { watcher, inode });
      return true;
    } catch {
      return false;
    }
  }

  #forget(folder: string): void {
    this.#folders.get(folder)?.watcher.close();
    this.#folders.delete(folder);
  }

  #see(folder: string, name: string | null): void {
    const { files, lacking } = this.#sources;
    const gone = this.#folders.get(folder)?.inode !== inodeOf(folder);
    if (name !== null && !gone && !lacking.has(folder) && !files.has(join(folder, name))) return;
    const now = performance.now();
    this.#since ??= now;
    clearTimeout(this.#timer);
    const wait = Math.min(QUIET_MS, Math.max(0, this.#since + LONGEST_WAIT_MS - now));
    this.#timer = setTimeout(() => {
      this.#since = undefined;
      this.#changed();
    }, wait);
  }
}

function inodeOf(folder: string): number | undefined {
  try {
    return statSync(folder).ino;
  } catch {
    return undefined;
  }
}
