import { StatefulActor } from "stateful-actors";

/** Some work: a POST of `body` to `url`. */
export interface Job {
  readonly url: string;
  readonly body: unknown;
}

interface Entry {
  readonly job: Job;
  /** How often it was tried. */
  readonly tries: number;
  readonly lastError?: string;
}

const MOST_TRIES = 5;
const FIRST_RETRY_MS = 1_000;
/** Jobs of one alarm: few, so that its time suffices. */
const AT_ONCE = 10;

/** The time first, so that the keys sort by it. */
const keyOf = (due: number, number: number) =>
  `job/${String(due).padStart(15, "0")}/${String(number).padStart(12, "0")}`;
const dueOf = (key: string) => Number(key.split("/")[1]);

/** Jobs that are tried until they succeed, with growing pauses; what never does is kept aside. */
export class JobQueue extends StatefulActor {
  /** Answers the job's number. */
  async push(job: Job, delayMs = 0): Promise<number> {
    const number = ((await this.ctx.storage.get<number>("last")) ?? 0) + 1;
    await this.ctx.storage.put("last", number);
    await this.#schedule(Date.now() + delayMs, number, { job, tries: 0 });
    await this.#wake();
    return number;
  }

  async waiting(): Promise<number> {
    return (await this.ctx.storage.list({ prefix: "job/", limit: 1_000 })).size;
  }

  /** Jobs that failed too often, by number. */
  async failed(): Promise<Record<string, Entry>> {
    const failed = await this.ctx.storage.list<Entry>({ prefix: "failed/", limit: 1_000 });
    return Object.fromEntries([...failed].map(([key, entry]) => [key.slice("failed/".length), entry]));
  }

  /**
   * Runs what is due. What it writes commits once, however often it is tried; the requests may be made again after a crash, and
   * carry the job's number for their receiver to know them by.
   */
  override async alarm() {
    const { storage } = this.ctx;
    const due = await storage.list<Entry>({
      prefix: "job/",
      end: keyOf(Date.now() + 1, 0),
      limit: AT_ONCE,
    });
    for (const [key, entry] of due) {
      const number = Number(key.split("/")[2]);
      await storage.delete(key);
      const lastError = await this.#run(number, entry.job);
      if (lastError === undefined) continue;
      const tries = entry.tries + 1;
      if (tries >= MOST_TRIES) await storage.put<Entry>(`failed/${number}`, { ...entry, tries, lastError });
      else
        await this.#schedule(Date.now() + FIRST_RETRY_MS * 2 ** entry.tries, number, {
          ...entry,
          tries,
          lastError,
        });
    }
    await this.#wake();
  }

  /** Answers what went wrong. */
  async #run(number: number, { url, body }: Job): Promise<string | undefined> {
    try {
      const { ok, status } = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": `${this.ctx.id}/${number}` },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      return ok ? undefined : `status ${status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #schedule(due: number, number: number, entry: Entry): Promise<void> {
    return this.ctx.storage.put(keyOf(due, number), entry);
  }

  /** Sets the alarm to the first job's time. */
  async #wake(): Promise<void> {
    const [first] = (await this.ctx.storage.list({ prefix: "job/", limit: 1 })).keys();
    if (first !== undefined) await this.ctx.storage.setAlarm(dueOf(first));
  }
}
