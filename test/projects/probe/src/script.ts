import { type ListOptions, StatefulActor, type StorageTransaction } from "stateful-actors";

/** One step of a turn, as data. */
export type Step =
  | readonly ["get", key: string]
  | readonly ["put", key: string, value: unknown]
  | readonly ["delete", key: string]
  | readonly ["list", options?: ListOptions]
  | readonly ["deleteAll"]
  /** A transaction whose failure, if any, is caught. */
  | readonly ["transaction", steps: readonly Step[]]
  | readonly ["throw"];

/** Runs storage operations that it is told, and answers what they gave. */
export class Script extends StatefulActor<unknown> {
  async run(steps: readonly Step[]): Promise<unknown[]> {
    const results: unknown[] = [];
    for (const step of steps) results.push(await this._step(this.ctx.storage, step));
    return results;
  }

  /** Writes `count` values of `length` characters under `k000000`, `k000001`, …, in one turn. */
  async fill(count: number, length: number) {
    const value = "v".repeat(length);
    for (let n = 0; n < count; n++) await this.ctx.storage.put(`k${String(n).padStart(6, "0")}`, value);
  }

  /** How many keys there are, counted page by page. */
  async count() {
    let count = 0;
    for (let startAfter: string | undefined; ; ) {
      const page = await this.ctx.storage.list({
        limit: 1000,
        ...(startAfter !== undefined && { startAfter }),
      });
      count += page.size;
      startAfter = [...page.keys()].at(-1);
      if (page.size < 1000) return count;
    }
  }

  async listUnawaited() {
    void this.ctx.storage.put("a", 1);
    const listed = this.ctx.storage.list();
    void this.ctx.storage.put("b", 2);
    return [...(await listed).keys()];
  }

  async putNothing() {
    await this.ctx.storage.put("nothing", undefined);
  }

  async transactionThrows() {
    await this.ctx.storage.put("outside", 1);
    await this.ctx.storage.transaction(async (transaction) => {
      await transaction.put("inside", 1);
      throw new Error("rolled back");
    });
  }

  async useTransactionLate() {
    let leaked: StorageTransaction | undefined;
    await this.ctx.storage.transaction((transaction) => {
      leaked = transaction;
    });
    await leaked?.put("late", 1);
  }

  async twoTransactionsAtOnce() {
    const { storage } = this.ctx;
    await Promise.all([
      storage.transaction(async (one) => one.put("one", (await one.get("two")) ?? "not seen")),
      storage.transaction(async (two) => two.put("two", 2)),
    ]);
    return storage.transaction(async (all) => [await all.get("one"), await all.get("two")]);
  }

  private async _step(storage: StorageTransaction, step: Step): Promise<unknown> {
    switch (step[0]) {
      case "get":
        return storage.get(step[1]);
      case "put":
        return storage.put(step[1], step[2]);
      case "delete":
        return storage.delete(step[1]);
      case "list":
        return [...(await storage.list(step[1]))];
      case "deleteAll":
        return this.ctx.storage.deleteAll();
      case "transaction":
        return this.ctx.storage
          .transaction(async (transaction) => {
            const results: unknown[] = [];
            for (const inner of step[1]) results.push(await this._step(transaction, inner));
            return results;
          })
          .catch((error: Error) => `caught: ${error.message}`);
      case "throw":
        throw new Error("thrown by the script");
    }
  }
}

/** Loads its state once per activation. */
export class Loader extends StatefulActor<unknown> {
  loaded = 0;

  constructor(...args: ConstructorParameters<typeof StatefulActor<unknown>>) {
    super(...args);
    void this.ctx.blockConcurrencyWhile(async () => {
      const mode = await this.ctx.storage.get<string>("mode");
      await Promise.resolve();
      this.loaded = ((await this.ctx.storage.get<number>("loads")) ?? 0) + 1;
      await this.ctx.storage.put("loads", this.loaded);
      if (mode === "fail") throw new Error("the init failed on purpose");
      if (mode === "hang") await new Promise(() => {});
    });
  }
  async loads() {
    return this.loaded;
  }
  async throwNow() {
    throw new Error("after the init");
  }
  async setMode(mode: string) {
    await this.ctx.storage.put("mode", mode);
  }
}
