import { StatefulActor } from "stateful-actors";

/** One bank account per name. No locks: one call at a time. */
export class Account extends StatefulActor {
  async deposit(amount: number): Promise<number> {
    const balance = (await this.balance()) + amount;
    await this.ctx.storage.put("balance", balance);
    return balance;
  }

  async debit(amount: number): Promise<{ ok: boolean; balance: number }> {
    const balance = await this.balance();
    if (balance < amount) return { ok: false, balance };
    await this.ctx.storage.put("balance", balance - amount);
    return { ok: true, balance: balance - amount };
  }

  async balance(): Promise<number> {
    return (await this.ctx.storage.get<number>("balance")) ?? 0;
  }
}
