/*
 * A genuine Request and Response cost about 25 µs of processor time for each request, more than all that an actor's turn does. Light ones look
 * the same and become genuine only when something is asked of them that they can't do themselves. What they lack: the
 * platform's own code reads private fields, so `new Request(light)` and `fetch(light)` would throw. The names `Request`, `Response`
 * and `fetch` are replaced for that: they take light objects, too, and give light responses where the body is text. All of them are
 * instances of the platform's classes, which stay what they are.
 */
import { genuineRequest } from "./light-request.ts";
import { lightResponse } from "./light-response.ts";

/** What the platform says of a body of text, if nothing else is said. */
const TEXT_TYPE = "text/plain;charset=UTF-8";
/** Statuses of answers without a body. */
const NO_BODY = new Set([204, 205, 304]);

let replaced = false;

/** Replaces the three names in this process; once is enough. Before user code is loaded, which may keep what they mean. */
export function serveLightObjects(): void {
  if (replaced) return;
  replaced = true;
  const { Request: GenuineRequest, Response: GenuineResponse, fetch: genuineFetch } = globalThis;
  const json: typeof Response.json = (value, init) => {
    const text = isPlain(init) ? JSON.stringify(value) : undefined;
    return text === undefined
      ? GenuineResponse.json(value, init)
      : light(text, { init, type: "application/json" });
  };
  replaceNames({
    // Behind a proxy of the genuine class, `instanceof` and subclasses mean what they always do.
    Request: new Proxy(GenuineRequest, {
      construct: (Genuine, [input, init], called) =>
        Reflect.construct(Genuine, [genuineRequest(input), init], called),
    }),
    Response: new Proxy(GenuineResponse, {
      construct(Genuine, args: [body?: unknown, init?: ResponseInit], called) {
        const [body, init] = args;
        return typeof body === "string" && called === globalThis.Response && isPlain(init)
          ? light(body, { init, type: TEXT_TYPE })
          : Reflect.construct(Genuine, args, called);
      },
      get: (Genuine, name) => (name === "json" ? json : Reflect.get(Genuine, name, Genuine)),
    }),
    fetch: async (input, init) => genuineFetch(genuineRequest(input), init),
  });
}

/** Whether a light response can be made with it; else the platform's class must look at it, and may refuse it. */
function isPlain(init: ResponseInit | undefined): boolean {
  if (init === undefined) return true;
  if (typeof init !== "object" || init === null) return false;
  const { status = 200, statusText } = init;
  return (
    statusText === undefined &&
    Number.isInteger(status) &&
    status >= 200 &&
    status < 600 &&
    !NO_BODY.has(status)
  );
}

function light(text: string, { init, type }: { init: ResponseInit | undefined; type: string }): Response {
  const { status = 200, headers: given } = init ?? {};
  if (given === undefined) return lightResponse({ status, text, headers: type });
  const headers = new Headers(given);
  if (!headers.has("content-type")) headers.set("content-type", type);
  return lightResponse({ status, text, headers });
}

function replaceNames(names: Pick<typeof globalThis, "Request" | "Response" | "fetch">): void {
  for (const [name, value] of Object.entries(names))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}
