import { StatefulActor } from "stateful-actors";

interface SessionState {
  readonly user: string;
  readonly timeoutMs: number;
}

/** A session that ends by itself when nobody has touched it for a while. */
export class Session extends StatefulActor {
  async start(user: string, timeoutMs = 30 * 60_000) {
    await this.ctx.storage.put<SessionState>("session", { user, timeoutMs });
    return this.touch();
  }

  /** Moves the end out; answers who it belongs to, or `null` when it is over. */
  async touch() {
    const session = await this.ctx.storage.get<SessionState>("session");
    if (!session) return null;
    await this.ctx.storage.setAlarm(Date.now() + session.timeoutMs);
    return session.user;
  }

  override async alarm() {
    await this.ctx.storage.deleteAll();
  }
}
