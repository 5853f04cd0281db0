import { type ActorNamespace, StatefulActor } from "stateful-actors";

interface Env {
  readonly AUDIT: ActorNamespace<Audit>;
}

/** Holds what an update must not lose: values in the head and beside it, an alarm, outcomes of keyed calls, messages to others. */
export class Account extends StatefulActor<Env> {
  async deposit(amount: number) {
    const balance = (await this.balance()) + amount;
    await this.ctx.storage.put("balance", balance);
    return balance;
  }

  async balance() {
    return (await this.ctx.storage.get<number>("balance")) ?? 0;
  }

  /** More than a head holds: values of their own. */
  async keep(statements: readonly string[]) {
    for (const [index, text] of statements.entries()) await this.ctx.storage.put(`statement/${index}`, text);
    return statements.length;
  }

  async statements() {
    return [...(await this.ctx.storage.list<string>({ prefix: "statement/" })).values()];
  }

  async remind(at: number) {
    await this.ctx.storage.setAlarm(at);
    return this.ctx.storage.getAlarm();
  }

  async reminders() {
    const rung = (await this.ctx.storage.get<number>("rung")) ?? 0;
    return { at: await this.ctx.storage.getAlarm(), rung };
  }

  override async alarm() {
    const { rung } = await this.reminders();
    await this.ctx.storage.put("rung", rung + 1);
  }

  /** Tells the audit in a message of this turn, delayed or not. */
  async report(text: string, delayMs: number) {
    const audit = this.env.AUDIT.idFromName("all");
    await (delayMs > 0 ? audit.with({ delayMs }) : audit).send.note(text);
  }
}

export class Audit extends StatefulActor<Env> {
  async note(text: string) {
    await this.ctx.storage.put("notes", [...(await this.notes()), text]);
  }

  async notes() {
    return (await this.ctx.storage.get<string[]>("notes")) ?? [];
  }
}
