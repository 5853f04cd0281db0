import { type ActorNamespace, StatefulActor } from "stateful-actors";

interface Env {
  CART: ActorNamespace<Cart>;
  STOCK: ActorNamespace<Stock>;
}

/** A cart that nobody touches for this long gives back what it holds, in ms. */
const ABANDONED_AFTER_MS = 30 * 60_000;

/** What there is of one article. */
export class Stock extends StatefulActor<Env> {
  async fill(count: number): Promise<number> {
    return this.#put((await this.count()) + count);
  }

  /** Takes articles off the shelf, if there are enough. */
  async reserve(count: number): Promise<boolean> {
    const left = (await this.count()) - count;
    if (left < 0) return false;
    await this.#put(left);
    return true;
  }

  async giveBack(count: number): Promise<void> {
    await this.#put((await this.count()) + count);
  }

  async count(): Promise<number> {
    return (await this.ctx.storage.get<number>("count")) ?? 0;
  }

  async #put(count: number): Promise<number> {
    await this.ctx.storage.put("count", count);
    return count;
  }
}

/** One customer's cart. */
export class Cart extends StatefulActor<Env> {
  /** Answers whether the stock had that many. */
  async add(article: string, count = 1): Promise<boolean> {
    const { storage } = this.ctx;
    const step = ((await storage.get<number>("step")) ?? 0) + 1;
    // A call leaves at once, and a run of this method that a crash cuts off is run again: it finds the same step, and so has the same key.
    const key = `${this.ctx.id}/${step}/${count}`;
    const stock = this.env.STOCK.idFromName(article).with({ idempotencyKey: key });
    await storage.put("step", step);
    if (!(await stock.reserve(count))) return false;
    const held = (await storage.get<number>(`item/${article}`)) ?? 0;
    await storage.put(`item/${article}`, held + count);
    await storage.setAlarm(Date.now() + ABANDONED_AFTER_MS);
    return true;
  }

  async remove(article: string): Promise<void> {
    const { [article]: held } = await this.items();
    if (held !== undefined) await this.#giveBack({ [article]: held });
  }

  async items(): Promise<Record<string, number>> {
    const items = await this.ctx.storage.list<number>({ prefix: "item/", limit: 1_000 });
    return Object.fromEntries([...items].map(([key, count]) => [key.slice("item/".length), count]));
  }

  /** Empties the cart: what was in it is sold. */
  async checkout(): Promise<Record<string, number>> {
    const items = await this.items();
    if (Object.keys(items).length === 0) throw new Error("the cart is empty: add something first");
    for (const article of Object.keys(items)) await this.ctx.storage.delete(`item/${article}`);
    await this.ctx.storage.deleteAlarm();
    return items;
  }

  /** The cart was abandoned. */
  override async alarm() {
    await this.#giveBack(await this.items());
  }

  /** One-way messages: they leave when, and only when, the deletes are durable. */
  async #giveBack(items: Record<string, number>): Promise<void> {
    for (const [article, count] of Object.entries(items)) {
      await this.ctx.storage.delete(`item/${article}`);
      await this.env.STOCK.idFromName(article).send.giveBack(count);
    }
  }
}
