import { type ActorNamespace, identityOf } from "stateful-actors";
import type { Counter } from "./counter.ts";

export { Counter } from "./counter.ts";

/** Says who has called, and counts the calls that got this far. */
export default {
  async fetch(request: Request, env: { COUNTER: ActorNamespace<Counter> }): Promise<Response> {
    const caller = identityOf(request) ?? null;
    return Response.json({ caller, calls: await env.COUNTER.idFromName("all").increment() });
  },
};
