import type { ActorNamespace } from "stateful-actors";
import type { Account } from "./account.ts";

export { Account } from "./account.ts";

interface Env {
  ACCOUNT: ActorNamespace<Account>;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/health/liveness" || pathname === "/health/readiness") return new Response("ok");

    const route = /^\/accounts\/([^/]+)\/(deposit|debit|balance)$/.exec(pathname);
    const [, id, action] = route ?? [];
    if (id === undefined) return Response.json({ error: "not found" }, { status: 404 });
    const account = decodeURIComponent(id);
    const stub = env.ACCOUNT.idFromName(account);

    if (request.method === "GET" && action === "balance") {
      return Response.json({ account, balance: await stub.balance() });
    }
    if (request.method !== "POST" || action === "balance") {
      return Response.json({ error: "method not allowed" }, { status: 405 });
    }
    const amount = await amountOf(request);
    if (amount === undefined)
      return Response.json({ error: "amount must be a positive number" }, { status: 400 });
    if (action === "deposit") return Response.json({ account, balance: await stub.deposit(amount) });
    return Response.json({ account, ...(await stub.debit(amount)) });
  },
};

async function amountOf(request: Request): Promise<number | undefined> {
  const body: unknown = await request.json().catch(() => undefined);
  const amount = (body as { amount?: unknown } | undefined)?.amount;
  return typeof amount === "number" && Number.isFinite(amount) && amount > 0 ? amount : undefined;
}
