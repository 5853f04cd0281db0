import { once } from "node:events";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { LambdaClient } from "@aws-sdk/client-lambda";
import type { Account } from "../../examples/account/src/account.ts";
import { ActorError, connect } from "../../runtime/client.ts";
import type { Ending } from "./ledger.ts";

/** How long a call may take, in ms: an HTTP API gives up after 30 s. */
const CALL_MS = 35_000;

/** Accounts of `examples/account`, wherever they are. */
export interface Target {
  change(account: string, change: number): Promise<Ending>;
  balance(account: string): Promise<number>;
  close(): void;
}

/** The project's own front door over HTTP. */
export function httpTarget(
  url: string,
  options: { headers: Readonly<Record<string, string>>; connections: number },
): Target {
  const { headers, connections } = options;
  const isTls = new URL(url).protocol === "https:";
  const settings = { keepAlive: true, maxSockets: connections };
  const agent = isTls ? new HttpsAgent(settings) : new HttpAgent(settings);
  const ask = async (method: "GET" | "POST", path: string, body?: string) => {
    const request = (isTls ? httpsRequest : httpRequest)(new URL(path, url), {
      agent,
      method,
      signal: AbortSignal.timeout(CALL_MS),
      headers: {
        ...headers,
        ...(body !== undefined && {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
        }),
      },
    });
    request.end(body);
    const [response] = await once(request, "response");
    return { status: Number(response.statusCode), body: parsed(await text(response)) };
  };
  return {
    async change(account, change) {
      try {
        const action = change < 0 ? "debit" : "deposit";
        const amount = JSON.stringify({ amount: Math.abs(change) });
        const { status, body } = await ask(
          "POST",
          `/accounts/${encodeURIComponent(account)}/${action}`,
          amount,
        );
        if (status === 200) return { kind: "answered", applied: body.ok === false ? 0 : change };
        const error = typeof body.error?.name === "string" ? body.error.name : `status ${status}`;
        return { kind: isRefusal(status, body) ? "refused" : "unknown", error };
      } catch (error) {
        // Before a connection stands, nothing can have been sent.
        return { kind: codeOf(error) === "ECONNREFUSED" ? "refused" : "unknown", error: codeOf(error) };
      }
    },
    async balance(account) {
      const { status, body } = await ask("GET", `/accounts/${encodeURIComponent(account)}/balance`);
      if (status !== 200 || typeof body.balance !== "number")
        throw new Error(`the balance of ${account} can't be read: status ${status}`);
      return body.balance;
    },
    close: () => agent.destroy(),
  };
}

/** A deployed router function, invoked with the rights of the environment. */
export function routerTarget(router: string, { connections }: { connections: number }): Target {
  const lambda = new LambdaClient({
    requestHandler: { httpAgent: { maxSockets: connections }, httpsAgent: { maxSockets: connections } },
  });
  const accounts = connect({ router, lambda }).namespace<Account>("Account");
  return {
    async change(account, change) {
      try {
        const stub = accounts.idFromName(account);
        if (change > 0) {
          await stub.deposit(change);
          return { kind: "answered", applied: change };
        }
        const { ok } = await stub.debit(-change);
        return { kind: "answered", applied: ok ? change : 0 };
      } catch (error) {
        const name = error instanceof Error ? error.name : String(error);
        const undone = error instanceof ActorError && error.effect !== "unknown";
        return { kind: undone ? "refused" : "unknown", error: name };
      }
    },
    balance: (account) => accounts.idFromName(account).balance(),
    close: () => lambda.destroy(),
  };
}

interface Body {
  readonly ok?: unknown;
  readonly balance?: unknown;
  readonly error?: { readonly name?: unknown };
}

function parsed(body: string): Body {
  try {
    return Object(JSON.parse(body)) as Body;
  } catch {
    return {};
  }
}

/** Errors of actors that come with a status of 500 and more and say that nothing was done. */
const REFUSALS = new Set<unknown>(["ActorOverloadedError", "ActorDeadlineError"]);

/** Whether an answer says for certain that nothing was done: what does not is taken for unknown. */
function isRefusal(status: number, { error }: Body): boolean {
  return (status >= 400 && status < 500) || REFUSALS.has(error?.name);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
