/** A turn's buffered writes: codec text by key, `undefined` for a key that the turn removed. */
export class Draft {
  readonly writes = new Map<string, string | undefined>();

  get empty(): boolean {
    return this.writes.size === 0;
  }

  put(key: string, text: string): void {
    this.writes.set(key, text);
  }

  remove(key: string): void {
    this.writes.set(key, undefined);
  }
}
