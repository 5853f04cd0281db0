import { StatefulActor } from "../../../runtime/index.ts";

const IDLE_MS = 5 * 60_000;

/** Ends five minutes after the last touch. */
export class Session extends StatefulActor {
  async touch() {
    await this.ctx.storage.setAlarm(Date.now() + IDLE_MS);
  }

  override async alarm() {
    await this.ctx.storage.put("expired", Date.now());
  }

  /** When it expired, in ms since the epoch. */
  async expired() {
    return this.ctx.storage.get<number>("expired");
  }
}
