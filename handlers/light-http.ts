/*
 * A genuine Request and Response cost about 25 µs of processor time for each request, more than all that an actor's turn does. The HTTP
 * adapter has light ones, which look the same and become genuine only when something is asked of them that they can't do
 * themselves. What they lack: the platform's own code reads private fields, so `new Request(light)` and
 * `fetch(light)` would throw. The names `Request`, `Response` and `fetch` are replaced for that: they take light objects, too, and
 * give light responses where the body is text. All of them are instances of the platform's classes, which stay what they are.
 */
import { getRequestListener } from "@hono/node-server";

type Names = Pick<typeof globalThis, "Request" | "Response" | "fetch">;
type ResponseInput = [body?: unknown, init?: ResponseInit];

/** What the adapter says of a body of text, if nothing else is said. */
const TEXT_TYPE = "text/plain; charset=UTF-8";
/** Statuses of answers without a body. */
const NO_BODY = new Set([204, 205, 304]);

let LightResponse: typeof Response | undefined;

/** Replaces the three names in this process; once is enough. Before user code is loaded, which may keep what they mean. */
export function serveLightObjects(): void {
  if (LightResponse) return;
  const { Request: GenuineRequest, Response: GenuineResponse, fetch: genuineFetch } = globalThis;
  const light = lightClasses();
  LightResponse = light.Response;
  const json: typeof Response.json = (value, init) => {
    const plain = plainInit(init);
    return plain ? light.Response.json(value, plain) : GenuineResponse.json(value, init);
  };
  // Behind a proxy of the genuine class, `instanceof` and subclasses mean what they always do.
  replaceNames({
    Request: new Proxy(GenuineRequest, {
      construct: (_, input, called) => Reflect.construct(light.Request, input, called),
    }),
    Response: new Proxy(GenuineResponse, {
      construct(Genuine, [body, init]: ResponseInput, called) {
        const isText = typeof body === "string" && called === globalThis.Response;
        const plain = isText ? plainInit(init) : undefined;
        const headers = plain?.headers as Headers | undefined;
        if (headers && !headers.has("content-type")) headers.set("content-type", TEXT_TYPE);
        return plain
          ? new light.Response(body as string, plain)
          : Reflect.construct(Genuine, [body, init], called);
      },
      get: (Genuine, name) => (name === "json" ? json : Reflect.get(Genuine, name, Genuine)),
    }),
    fetch: async (input, init) =>
      genuineFetch(input instanceof GenuineRequest ? new light.Request(input) : input, init),
  });
}

/** What a light response can be made with; `undefined`: the platform's class must look at it, and may refuse it. */
function plainInit(init: ResponseInit | undefined): ResponseInit | undefined {
  if (!init) return { status: 200 };
  const { status = 200, statusText, headers } = init;
  if (statusText !== undefined || !(status >= 200 && status < 600) || NO_BODY.has(status)) return undefined;
  return { status, ...(headers && { headers: new Headers(headers) }) };
}

/** Whether a response is light: its body is text, and its type is always said. */
export function isLight(response: Response): boolean {
  return LightResponse !== undefined && response instanceof LightResponse;
}

/** The adapter's own classes. It gives them away only as the names that it replaces. */
function lightClasses(): Names {
  const { Request, Response, fetch } = globalThis;
  getRequestListener(() => new Response());
  const light = { Request: globalThis.Request, Response: globalThis.Response, fetch };
  replaceNames({ Request, Response, fetch });
  return light;
}

function replaceNames(names: Names): void {
  for (const [name, value] of Object.entries(names))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}
