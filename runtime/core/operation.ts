/**
 * The promise of a storage operation. It knows whether anybody looked at it: a failed operation that nobody
 * awaited must fail the call, one that user code caught must not.
 */
export class Operation<T> extends Promise<T> {
  #observed = false;

  // Promises derived from this one are plain: only the operation itself is tracked.
  static override get [Symbol.species]() {
    return Promise;
  }

  get observed(): boolean {
    return this.#observed;
  }

  // biome-ignore lint/suspicious/noThenProperty: the override sees who awaits
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#observed = true;
    return super.then(onFulfilled, onRejected);
  }

  /** Calls back when the operation has settled, without counting as an observer. */
  watch(settled: (failure: { readonly reason: unknown } | undefined) => void): void {
    super.then(
      () => settled(undefined),
      (reason: unknown) => settled({ reason }),
    );
  }
}

/** Starts an operation; the body runs at once, up to its first `await`. */
export function operation<T>(body: () => T | Promise<T>): Operation<T> {
  return new Operation<T>((resolve, reject) => {
    try {
      resolve(body());
    } catch (error) {
      reject(error);
    }
  });
}
