import { type ActorNamespace, type AlarmInfo, StatefulActor } from "stateful-actors";

interface Env {
  LEDGER: ActorNamespace<Ledger>;
}

interface Setting {
  readonly op: string;
  readonly due: number;
  /** How many of the first attempts throw. */
  readonly failures: number;
}

/** So many values that no transaction holds them. */
const BULK = 200;
const PAGE = 500;

/**
 * Writes down everything that it commits, a line each: its lines are the history of its committed turns. Whoever knows what was
 * asked of it can tell from them whether anything was lost, applied twice, or torn.
 */
export class Ledger extends StatefulActor<Env> {
  /** How many lines there are, as far as memory knows: stale memory would write over a line. */
  length: number | undefined;

  /**
   * @param ms how long it takes between its reading and its writing
   * @returns the place of its line, from 1
   */
  async add(op: string, ms = 0) {
    await this._length();
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    return this._write(`add ${op}`);
  }
  async addThenThrow(op: string) {
    await this._write(`fail ${op}`);
    throw new RangeError("thrown on purpose");
  }
  /** Sends each receiver a numbered message. */
  async tell(op: string, receivers: readonly string[]) {
    for (const to of receivers) {
      const number = ((await this.ctx.storage.get<number>(`sent/${to}`)) ?? 0) + 1;
      await this.ctx.storage.put(`sent/${to}`, number);
      await this.env.LEDGER.idFromName(to).send.hear(this.ctx.id, number);
    }
    return this._write(`tell ${op} ${receivers.join(",")}`);
  }
  async tellThenThrow(op: string, receivers: readonly string[]) {
    await this.tell(op, receivers);
    throw new RangeError("thrown on purpose");
  }
  async hear(from: string, number: number) {
    await this._write(`hear ${from}#${number}`);
  }
  /** Adds to another ledger, and writes down where. */
  async relay(op: string, to: string) {
    const other = this.env.LEDGER.idFromName(to).with({ idempotencyKey: op });
    return this._write(`relay ${op} ${to} ${await other.add(`${op}/inner`)}`);
  }
  /** Changes many values at once. */
  async bulk(op: string) {
    for (let n = 0; n < BULK; n++) await this.ctx.storage.put(`bulk/${n}`, op.padEnd(40));
    return this._write(`bulk ${op}`);
  }
  async arm(op: string, ms: number, failures: number) {
    const due = Date.now() + ms;
    await this.ctx.storage.put<Setting>("setting", { op, due, failures });
    await this.ctx.setAlarm(due);
    return this._write(`set ${op} ${due}`);
  }
  async disarm(op: string) {
    await this.ctx.storage.deleteAlarm();
    return this._write(`unset ${op}`);
  }

  /** How many lines there are, and which operation has last changed the many values: several if one was torn. */
  async read() {
    const values = [...(await this.ctx.storage.list<string>({ prefix: "bulk/" })).values()];
    return { length: await this._length(), bulk: [...new Set(values.map((value) => value.trim()))] };
  }
  async lines(from: number) {
    const keys = { start: lineKey(from + 1), end: lineKey(from + PAGE + 1) };
    return [...(await this.ctx.storage.list<string>(keys)).values()];
  }
  async pending() {
    return this.ctx.storage.getAlarm();
  }

  override async alarm({ retryCount }: AlarmInfo) {
    const { op, failures } = (await this.ctx.storage.get<Setting>("setting")) ?? { op: "none", failures: 0 };
    await this._write(`fire ${op} ${Date.now()} ${retryCount}`);
    if (retryCount < failures) throw new RangeError("thrown on purpose");
  }
  override async onAlarmDropped() {
    await this._write("drop");
  }

  async _length() {
    return this.length ?? (await this.ctx.storage.get<number>("length")) ?? 0;
  }
  async _write(line: string) {
    const length = (await this._length()) + 1;
    await this.ctx.storage.put("length", length);
    await this.ctx.storage.put(lineKey(length), line);
    this.length = length;
    return length;
  }
}

function lineKey(place: number): string {
  return `line/${String(place).padStart(8, "0")}`;
}
