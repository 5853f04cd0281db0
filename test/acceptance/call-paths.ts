import type { ActorNamespace } from "../../runtime/core/namespace.ts";
import type { SendRequest } from "../endpoints/api-client.ts";
import type { Errand, Letter, Report } from "../projects/probe/src/clerk.ts";
import { insist, insisting } from "./asking-again.ts";

/** One instance. */
export interface Target {
  readonly type: string;
  readonly name: string;
}

export interface CallSettings {
  readonly idempotencyKey?: string;
  readonly envelopeId?: string;
  readonly delayMs?: number;
}

/** One way to call the actors of `test/projects/probe`. What fails rejects with an error of the runtime's name and message. */
export interface CallPath {
  call(to: Target, method: string, args: readonly unknown[], settings?: CallSettings): Promise<unknown>;
  send(to: Target, method: string, args: readonly unknown[], settings?: CallSettings): Promise<void>;
  /** Not through a door: that is a request to the door itself. */
  fetch?(to: Target, input: string, init?: RequestInit): Promise<Response>;
}

type AnyMethods = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** Plain JSON requests to the RPC door. Errors have its `status`, too. */
export function doorPath(system: () => { request: SendRequest }): CallPath {
  const post = async (
    { type, name }: Target,
    method: string,
    args: readonly unknown[],
    headers: Record<string, string | undefined>,
  ) => {
    const given = Object.entries(headers).filter(([, text]) => text !== undefined);
    const path = `/${type}/${encodeURIComponent(name)}/${method}`;
    const request = insisting(system().request);
    const answer = await request("POST", path, JSON.stringify(args), Object.fromEntries(given));
    if (answer.status < 400) return answer;
    const { error } = answer.json() as { error: { name: string; message: string } };
    throw Object.assign(new Error(error.message), { name: error.name, status: answer.status });
  };
  return {
    async call(to, method, args, { idempotencyKey, envelopeId } = {}) {
      const headers = { "idempotency-key": idempotencyKey, "envelope-id": envelopeId };
      return (await post(to, method, args, headers)).json();
    },
    async send(to, method, args, { idempotencyKey } = {}) {
      const headers = { "idempotency-key": idempotencyKey, prefer: "respond-async" };
      const { status } = await post(to, method, args, headers);
      if (status !== 202) throw new Error(`a one-way message was answered with ${status}`);
    },
  };
}

/** The stubs that programs get: of `stateful-actors/client`, or of a bound function. */
export function stubPath(namespace: (type: string) => ActorNamespace): CallPath {
  const stub = ({ type, name }: Target, settings: CallSettings = {}) =>
    namespace(type).idFromName(name).with(settings);
  return {
    call(to, method, args, settings = {}) {
      return insist(async (envelopeId) => {
        // A call with a key is asked for by it.
        const by = envelopeId !== undefined && settings.idempotencyKey === undefined ? { envelopeId } : {};
        return (stub(to, { ...settings, ...by }) as unknown as AnyMethods)[method]?.(...args);
      });
    },
    async send(to, method, args, settings) {
      await (stub(to, settings).send as unknown as AnyMethods)[method]?.(...args);
    },
    fetch: async (to, input, init) => stub(to).fetch(input, init),
  };
}

/** Calls that an actor makes in a turn of its own: each by another clerk, so that none waits for another. */
export function actorPath(way: CallPath): CallPath {
  const ask = async (method: string, ...args: readonly unknown[]) => {
    const to = { type: "Clerk", name: crypto.randomUUID() };
    const report = (await way.call(to, method, args)) as Report;
    if ("result" in report) return report.result;
    const { name, message, effect, cause } = report.error;
    throw Object.assign(new Error(message, { ...(cause && { cause: Object.assign(new Error(), cause) }) }), {
      name,
      effect,
    });
  };
  return {
    call: (to, method, args, options = {}) => ask("call", { ...to, method, args, options } satisfies Errand),
    async send(to, method, args, options = {}) {
      await ask("send", { ...to, method, args, options } satisfies Errand);
    },
    async fetch(to, input, init) {
      const request = new Request(input, init);
      const letter: Letter = {
        url: request.url,
        method: request.method,
        headers: [...request.headers],
        body: request.body ? new Uint8Array(await request.arrayBuffer()) : undefined,
      };
      const { status, headers, body } = (await ask("request", { ...to, options: {} }, letter)) as {
        status: number;
        headers: [string, string][];
        body: Uint8Array<ArrayBuffer> | null;
      };
      return new Response(body, { status, headers });
    },
  };
}
