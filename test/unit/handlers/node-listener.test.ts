import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { serveLightObjects } from "../../../handlers/light-http.ts";
import { createListener, type ListenerOptions } from "../../../handlers/node-listener.ts";

serveLightObjects();

/** A server, and one connection to it. */
async function start(fetch: ListenerOptions["fetch"]) {
  const broken: unknown[] = [];
  const listener = createListener({ fetch, brokenOff: (error) => void broken.push(error) });
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  return { socket, broken, read: reading(socket) };
}

/** @returns what reads on until the pattern is met, or the connection ends; what it has read is not read again */
function reading(socket: Socket): (until: RegExp) => Promise<string> {
  let text = "";
  let isOver = false;
  let look = () => {};
  socket.setEncoding("latin1");
  socket.on("data", (part) => {
    text += part;
    look();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    isOver = true;
    look();
  });
  return (until) =>
    new Promise((resolve) => {
      look = () => {
        const [, met] = new RegExp(`^(.*?${until.source})`, "s").exec(text) ?? [];
        if (met === undefined && !isOver) return;
        const read = met ?? text;
        text = text.slice(read.length);
        resolve(read);
      };
      look();
    });
}

const head = (line: string, ...fields: string[]) =>
  [`${line} HTTP/1.1`, "Host: localhost", ...fields, "", ""].join("\r\n");
const post = (path: string, body: string) =>
  `${head(`POST ${path}`, `Content-Length: ${body.length}`)}${body}`;
/** What comes last on a connection that is of use to the end. */
const last = head("GET /last", "Connection: close");
const END = /last$/;

/** Answers the last request, and leaves the others to `answer`. */
const unlessLast =
  (answer: (request: Request) => Response | Promise<Response>) =>
  (request: Request): Response | Promise<Response> =>
    request.url.endsWith("/last") ? new Response("last") : answer(request);

/** A request whose body is still to come, and which gets no answer. */
async function receive() {
  const came = Promise.withResolvers<{ request: Request; incoming: IncomingMessage }>();
  const { socket } = await start((request, { incoming }) => {
    came.resolve({ request, incoming });
    return new Promise(() => {});
  });
  socket.write(head("POST /", "Content-Length: 9"));
  return { socket, ...(await came.promise) };
}

/** Resolves when the request is over, however it ends. */
function closing(incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve) => void incoming.on("close", resolve));
}

/** A stream whose source can be watched and driven. */
function source() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const cancelled = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    cancel: () => cancelled.resolve(),
  });
  return {
    body,
    cancelled: cancelled.promise,
    send: (text: string) => controller?.enqueue(Buffer.from(text)),
    fail: (error: Error) => controller?.error(error),
    end: () => controller?.close(),
  };
}

describe("the framing of an answer", () => {
  const bytes = (length: number) => new Uint8Array(length).fill(0x61);
  const given = (fields: Record<string, string>) => ({ headers: fields });
  const streamed = () =>
    new ReadableStream({
      start(controller) {
        for (const part of ["a", "", "bc"]) controller.enqueue(Buffer.from(part));
        controller.close();
      },
    });
  const texts = () =>
    new ReadableStream({
      start(controller) {
        controller.enqueue("abc");
        controller.close();
      },
    });
  const answers: [string, () => Response, string[], string[]][] = [
    ["text", () => new Response("\u00e9"), ["content-length: 2"], []],
    ["no text", () => new Response(""), ["content-length: 0"], []],
    [
      "JSON with headers",
      () => Response.json([1], given({ "x-a": "1" })),
      ["content-length: 3", "x-a: 1"],
      [],
    ],
    ["nothing", () => new Response(null, { status: 202 }), ["content-length: 0"], []],
    [
      "nothing, of some length",
      () => new Response(null, given({ "content-length": "5" })),
      ["content-length: 0"],
      [],
    ],
    ["204", () => new Response(null, { status: 204 }), [], ["content-length", "transfer-encoding"]],
    [
      "304, which tells of a body",
      () => new Response(null, { status: 304, ...given({ "content-length": "5" }) }),
      ["content-length: 5"],
      [],
    ],
    ["a Blob", () => new Response(new Blob(["abc"])), ["content-length: 3"], []],
    ["bytes over what is gathered", () => new Response(bytes(3_000_000)), ["content-length: 3000000"], []],
    ["a stream that is there at once", () => new Response(streamed()), ["content-length: 3"], []],
    [
      "text of another length",
      () => new Response("abc", given({ "content-length": "1" })),
      ["content-length: 3"],
      [],
    ],
    [
      "a stream of another length",
      () => new Response(streamed(), given({ "content-length": "9" })),
      ["content-length: 3"],
      [],
    ],
    [
      "text in chunks",
      () => new Response("abc", given({ "transfer-encoding": "chunked" })),
      ["content-length: 3"],
      ["transfer-encoding"],
    ],
    [
      "text that has become genuine",
      () => {
        const response = new Response("abc");
        response.clone();
        response.headers.append("set-cookie", "a=1");
        response.headers.append("set-cookie", "b=2");
        return response;
      },
      ["content-length: 3", "set-cookie: a=1", "set-cookie: b=2"],
      [],
    ],
    ["a redirection", () => Response.redirect("http://localhost/b"), ["content-length: 0"], []],
    [
      "text with a header that is not ASCII",
      () => new Response("\u00e9", given({ "x-a": "\u00e9" })),
      ["content-length: 2", "x-a: \u00e9"],
      [],
    ],
    [
      "an error",
      () => {
        throw new Error("of the handler");
      },
      ["http/1.1 500 internal server error"],
      [],
    ],
    ["nothing at all", () => undefined as unknown as Response, ["http/1.1 500 internal server error"], []],
    ["a stream of text", () => new Response(texts()), ["http/1.1 500 internal server error"], []],
    ["what is no response", () => Response.error(), ["http/1.1 500 internal server error"], []],
    [
      "a header that can't be sent",
      () => new Response("x", given({ "x-a": "\u0001" })),
      ["http/1.1 500 internal server error"],
      ["x-a"],
    ],
  ];

  test.each(answers)(
    "%s says its length, and the next answer comes after it",
    async (_, make, has, hasNot) => {
      const { socket, read } = await start(unlessLast(make));
      socket.write(head("GET /") + last);
      const fields = (await read(/\r\n\r\n/)).toLowerCase().split("\r\n");
      expect(fields).toEqual(expect.arrayContaining(has));
      for (const name of hasNot) expect(fields.filter((field) => field.startsWith(`${name}:`))).toEqual([]);
      expect(await read(END)).toMatch(/HTTP\/1.1 200 OK\r\n.*last$/s);
    },
  );

  test("the answer to a HEAD may tell of a body, and has none", async () => {
    const { socket, read } = await start(
      unlessLast(() => new Response(null, { headers: { "content-length": "5" } })),
    );
    socket.write(head("HEAD /") + last);
    expect(await read(END)).toMatch(/content-length: 5\r\n[^<]*\r\n\r\nHTTP\/1.1 200 OK\r\n.*last$/s);
  });
});

describe("a request's body", () => {
  const LONG = "x".repeat(1024 * 1024);
  const ways: [string, (request: Request) => unknown][] = [
    ["is not read", () => {}],
    ["is only asked for", ({ body }) => body],
    ["is read in part", ({ body }) => body?.getReader().read()],
    [
      "is read in part and cancelled",
      async ({ body }) => {
        const reader = body?.getReader();
        await reader?.read();
        await reader?.cancel();
      },
    ],
    ["is cancelled at once", ({ body }) => body?.cancel()],
    ["is cloned and read once", (request) => request.clone().text()],
  ];

  test.each(ways)("that %s does not keep the connection from its next request", async (_, use) => {
    const { socket, read } = await start(
      unlessLast(async (request) => {
        await use(request);
        return new Response("first");
      }),
    );
    socket.write(post("/", LONG) + last);
    expect(await read(END)).toMatch(/first.*last$/s);
  });

  test("of a GET is nobody's, and keeps no connection either", async () => {
    const { socket, read } = await start(
      unlessLast(async (request) => new Response(`${await request.text()}!`)),
    );
    socket.write(`${head("GET /", "Content-Length: 4")}body${last}`);
    expect(await read(END)).toMatch(/\r\n\r\n!HTTP.*last$/s);
  });

  test("of 1 MiB arrives, in chunks too", async () => {
    const { socket, read } = await start(
      async (request) => new Response(`${(await request.bytes()).length} bytes`),
    );
    const chunked = `${head("POST /", "Transfer-Encoding: chunked")}100000\r\n${LONG}\r\n0\r\n\r\n`;
    for (const request of [post("/", LONG), chunked]) {
      socket.write(request);
      expect(await read(/bytes$/)).toMatch(/1048576 bytes$/);
    }
  });

  test("whose client waits for leave to send it is asked for", async () => {
    const { socket, read } = await start(async (request) => new Response(`${await request.text()}!`));
    socket.write(head("POST /", "Content-Length: 2", "Expect: 100-continue"));
    expect(await read(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 100 /);
    socket.write("hi");
    expect(await read(/!$/)).toMatch(/hi!$/);
  });

  test("gives each of two readers its part, who ask at the same time", async () => {
    const { socket, read } = await start(async ({ body }) => {
      const reader = body?.getReader();
      const parts = await Promise.all([reader?.read(), reader?.read(), reader?.read()]);
      return new Response(parts.every((part) => part?.value) ? "parts" : "less");
    });
    socket.write(post("/", LONG));
    expect(await read(/parts$/)).toMatch(/parts$/);
  });

  test("whose client hangs up in its middle fails, and the signal says why", async () => {
    const { socket, request } = await receive();
    const text = request.text();
    socket.destroy();
    await expect(text).rejects.toThrow("aborted");
    expect(request.signal.aborted).toBe(true);
  });

  test("whose client hangs up in its middle fails for all who read it", async () => {
    const { socket, request } = await receive();
    const reads = [request.clone().text(), request.text()];
    socket.destroy();
    for (const read of reads) await expect(read).rejects.toThrow("aborted");
  });

  test.each(["text", "bytes"] as const)(
    "that is first read when its client is gone is no empty one: %s",
    async (way) => {
      const { socket, request, incoming } = await receive();
      socket.destroy();
      await closing(incoming);
      await expect(request[way]()).rejects.toThrow("aborted");
    },
  );

  test.each(["text", "bytes"] as const)(
    "that is first read when it has its answer is no empty one: %s",
    async (way) => {
      const requests: Request[] = [];
      const { socket, read } = await start(
        unlessLast((request) => {
          requests.push(request);
          return new Response("ok");
        }),
      );
      socket.write(post("/", "body") + post("/", "") + last);
      await read(END);
      for (const request of requests) await expect(request[way]()).rejects.toThrow("has been answered");
      expect(requests.map(({ signal }) => signal.aborted)).toEqual([false, false]);
    },
  );
});

describe("a streamed answer", () => {
  test("comes as it is made", async () => {
    const { body, send, end } = source();
    const { socket, read } = await start(() => new Response(body));
    socket.write(head("GET /"));
    expect(await read(/\r\n\r\n/)).toMatch(/transfer-encoding: chunked/i);
    for (const event of ["one", "two"]) {
      send(event);
      expect(await read(new RegExp(`${event}\r\n`))).toBe(`3\r\n${event}\r\n`);
    }
    end();
    expect(await read(/0\r\n\r\n/)).toBe("0\r\n\r\n");
  });

  test("is cancelled when its client hangs up, before it begins or after", async () => {
    for (const isFirst of [true, false]) {
      const { body, send, cancelled } = source();
      const came = Promise.withResolvers<IncomingMessage>();
      const { socket, read, broken } = await start(async (_, { incoming }) => {
        came.resolve(incoming);
        if (isFirst) await closing(incoming);
        return new Response(body);
      });
      send("one");
      socket.write(head("GET /"));
      await (isFirst ? came.promise : read(/one/));
      socket.resetAndDestroy();
      await cancelled;
      // What fails now fails for nobody.
      await new Promise(setImmediate);
      expect(broken).toEqual([]);
    }
  });

  test("that fails before its head is an error, and after it an end in its middle", async () => {
    const upstream = Object.assign(new Error("upstream"), { code: "ERR_STREAM_PREMATURE_CLOSE" });
    const first = source();
    const { socket, read, broken } = await start(unlessLast(() => new Response(first.body)));
    first.fail(upstream);
    socket.write(head("GET /") + last);
    expect(await read(END)).toMatch(/^HTTP\/1.1 500 .*"InternalError".*last$/s);
    expect(broken).toEqual([upstream]);

    const second = source();
    const middle = await start(() => new Response(second.body));
    middle.socket.write(head("GET /"));
    second.send("one");
    await middle.read(/one\r\n/);
    const error = new Error("upstream");
    second.fail(error);
    expect(await middle.read(/0\r\n\r\n/)).toBe("");
    expect(middle.broken).toEqual([error]);
  });

  test.each(["1", "9"])(
    "ends its connection where its length is not the one it names: %s",
    async (length) => {
      const { body, send, end } = source();
      const { socket, read, broken } = await start(
        unlessLast(() => new Response(body, { headers: { "content-length": length } })),
      );
      socket.write(head("GET /") + last);
      await read(/\r\n\r\n/);
      send("two");
      end();
      expect(await read(END)).not.toMatch(END);
      expect(broken).toEqual([
        expect.objectContaining({ message: expect.stringContaining("content-length") }),
      ]);
    },
  );

  test("is made no faster than its client reads", async () => {
    let parts = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (parts++ < 2_000) controller.enqueue(new Uint8Array(64 * 1024));
        else controller.close();
      },
    });
    const answers: ServerResponse[] = [];
    const { socket } = await start((_, { outgoing }) => {
      answers.push(outgoing);
      return new Response(body);
    });
    socket.pause();
    socket.write(head("GET /"));
    await expect.poll(() => answers[0]?.writableNeedDrain).toBe(true);
    expect(parts).toBeLessThan(1_000);
  });

  test("whose body somebody else has read is an error", async () => {
    const { socket, read, broken } = await start(
      unlessLast(async () => {
        const response = new Response("text");
        await response.text();
        return response;
      }),
    );
    socket.write(head("GET /") + last);
    expect(await read(END)).toMatch(/^HTTP\/1.1 500 .*last$/s);
    expect(broken).toEqual([expect.any(TypeError)]);
  });
});

test("a kept connection has no more listeners after many requests than after one", async () => {
  const seen: number[] = [];
  const { socket, read } = await start(async (request, { incoming }) => {
    const listeners = incoming.socket.eventNames().map((name) => incoming.socket.listenerCount(name));
    seen.push(listeners.reduce((sum, each) => sum + each, 0));
    request.signal.addEventListener("abort", () => {});
    return new Response(`${await request.clone().text()}!`);
  });
  for (let at = 0; at < 5; at++) {
    socket.write(post("/", "body"));
    await read(/body!/);
  }
  expect(new Set(seen).size).toBe(1);
});

test("a request that waits behind another one on its connection learns that its client is gone", async () => {
  const requests: Request[] = [];
  const all = Promise.withResolvers<void>();
  const { socket } = await start((request) => {
    if (requests.push(request) === 2) all.resolve();
    return new Promise(() => {});
  });
  socket.write(head("GET /") + head("GET /"));
  await all.promise;
  const aborted = requests.map(({ signal }) => once(signal, "abort"));
  socket.destroy();
  await Promise.all(aborted);
});
