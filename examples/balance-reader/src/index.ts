import type { ActorNamespace } from "stateful-actors";
import type { Account } from "../../account/src/account.ts";

interface Env {
  /** No more of an account than this function needs. */
  ACCOUNTS: ActorNamespace<Pick<Account, "balance">>;
}

/** A function of its own, beside the one that owns the accounts: it shows balances, and can't change any. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, account] = /^\/balances\/([^/]+)$/.exec(new URL(request.url).pathname) ?? [];
    if (request.method !== "GET" || account === undefined) {
      return Response.json({ error: "GET /balances/{account}" }, { status: 404 });
    }
    const name = decodeURIComponent(account);
    return Response.json({ account: name, balance: await env.ACCOUNTS.idFromName(name).balance() });
  },
};
