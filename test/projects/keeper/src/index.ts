import { type ActorNamespace, type Secrets, StatefulActor } from "../../../../runtime/index.ts";

interface KeeperEnv {
  readonly KEEPER: ActorNamespace<Keeper>;
  readonly SECRETS: Secrets;
}

/** Tells how long a secret is, as an answer that holds it would be no secret's. */
export class Keeper extends StatefulActor<KeeperEnv> {
  async lengthOf(binding: string): Promise<number> {
    return (await this.env.SECRETS.get(binding)).length;
  }

  /** More than 15 minutes ahead: a schedule. */
  async wakeLater(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + 60 * 60_000);
  }
}

export default {
  /** `GET /<who>/<binding>`, `POST /wake`. */
  async fetch(request: Request, env: KeeperEnv): Promise<Response> {
    const [, who, binding = ""] = new URL(request.url).pathname.split("/");
    const keeper = env.KEEPER.idFromName("k");
    try {
      if (who === "wake") return Response.json({ woken: (await keeper.wakeLater()) ?? null });
      const length =
        who === "actor" ? await keeper.lengthOf(binding) : (await env.SECRETS.get(binding)).length;
      return Response.json({ length });
    } catch (error) {
      return Response.json({ error: (error as Error).message }, { status: 500 });
    }
  },
};
