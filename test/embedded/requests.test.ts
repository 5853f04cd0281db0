import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { startEmbedded } from "../../handlers/embedded.ts";
import { StatefulActor } from "../../runtime/index.ts";

class Echo extends StatefulActor<unknown> {
  async echo(...args: unknown[]) {
    return args;
  }
}

/** Serves the actor, or `handler`, until the test ends. */
async function start(handler?: (request: Request) => Promise<Response>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "requests-"));
  const server = await startEmbedded({
    module: { Echo, ...(handler && { default: { fetch: handler } }) },
    actors: [{ binding: "ECHO", type: "Echo" }],
    stateFile: join(folder, "state.sqlite"),
    port: 0,
    host: "127.0.0.1",
  });
  onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return Number(new URL(server.url).port);
}

/** Sends `text` as it is and gives back everything that was answered. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (part) => {
      answer += part;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

const head = (line: string, ...fields: string[]) =>
  [line, "Host: localhost", "Connection: close", ...fields, "", ""].join("\r\n");

test("another site's page does not reach the built-in door; a project's own handler decides for itself", async () => {
  const foreign = ["POST /Echo/a/echo HTTP/1.1", "Host: evil.example", "Connection: close", "", ""].join(
    "\r\n",
  );
  const answer = await exchange(await start(), foreign);
  expect(answer).toMatch(/^HTTP\/1.1 403 /);
  expect(answer).toContain("ForeignRequestError");
  const own = await start(async () => new Response("mine"));
  expect(await exchange(own, foreign)).toMatch(/^HTTP\/1.1 200 /);
});

describe("requests as they come over the wire", () => {
  test("a POST without body or content-length, as `curl -X POST` sends it, is a call without arguments", async () => {
    const answer = await exchange(await start(), head("POST /Echo/a/echo HTTP/1.1"));
    expect(answer).toMatch(/^HTTP\/1.1 200 .*\[\]$/s);
  });

  test("a chunked body arrives", async () => {
    const request = `${head("POST /Echo/a/echo HTTP/1.1", "Transfer-Encoding: chunked")}3\r\n[7]\r\n0\r\n\r\n`;
    expect(await exchange(await start(), request)).toMatch(/^HTTP\/1.1 200 .*\[7\]$/s);
  });

  test("a project's fetch handler may pass the request on", async () => {
    const port = await start(
      async (request) => new Response(await new Request(request, { headers: { "x-more": "1" } }).text()),
    );
    const request = `${head("POST / HTTP/1.1", "Content-Length: 2")}hi`;
    expect(await exchange(port, request)).toMatch(/^HTTP\/1.1 200 .*hi$/s);
  });

  test.each(["TRACE", "OPTIONS", "HEAD"])("%s is refused", async (method) => {
    const answer = await exchange(await start(), head(`${method} /Echo/a/echo HTTP/1.1`));
    expect(answer).toMatch(/^HTTP\/1.1 405 /);
  });

  test("a refused chunked body closes its connection, and says so", async () => {
    const part = `10000\r\n${"x".repeat(65_536)}\r\n`;
    const head = ["POST /Echo/a/echo HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", "", ""].join(
      "\r\n",
    );
    const answer = await exchange(await start(), `${head}${part.repeat(32)}0\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 413 .*"PayloadTooLargeError"/s);
    expect(answer).toMatch(/\r\nconnection: close\r\n/i);
  });

  test("a body that is refused, and goes on and on, has its answer before it ends", async () => {
    const request = head("POST /Echo/a/echo HTTP/1.1", `Content-Length: ${64 * 1024 * 1024}`);
    const answer = await exchange(await start(), `${request}${"x".repeat(17 * 1024 * 1024)}`);
    expect(answer).toMatch(/^HTTP\/1.1 413 .*"PayloadTooLargeError"/s);
    expect(answer).toMatch(/\r\nconnection: close\r\n/i);
  });

  test("an answer whose type is taken away is bytes, light or not", async () => {
    for (const body of ["text", new Blob(["text"])]) {
      const port = await start(async () => {
        const response = new Response(body);
        response.headers.delete("content-type");
        return response;
      });
      expect(await exchange(port, head("GET / HTTP/1.1"))).toMatch(
        /^HTTP\/1.1 200 .*content-type: application\/octet-stream.*text$/is,
      );
    }
  });

  test("what names more than one Host, or no path, is refused in JSON", async () => {
    const port = await start(async (request) => new Response(request.url));
    for (const request of [
      head("GET / HTTP/1.1", "Host: evil.example"),
      head("GET /a\\b HTTP/1.1"),
      head("OPTIONS * HTTP/1.1"),
    ])
      expect(await exchange(port, request)).toMatch(/^HTTP\/1.1 400 .*"BadRequestError"/s);
    expect(await exchange(port, head("GET http://localhost/a/../b HTTP/1.1"))).toMatch(
      /http:\/\/localhost\/b$/,
    );
  });

  test("a name of 10 KB gets its refusal, also percent-encoded", async () => {
    const answer = await exchange(await start(), head(`POST /Echo/${"%C3%A9".repeat(5120)}/echo HTTP/1.1`));
    expect(answer).toMatch(/^HTTP\/1.1 400 .*"ActorNameError"/s);
  });

  test.each([
    ["a head over 64 KB", head(`POST /Echo/${"x".repeat(70_000)}/echo HTTP/1.1`), 431],
    ["what is no request", "hello\r\n\r\n", 400],
  ])("%s is answered in JSON", async (_, request, status) => {
    const answer = await exchange(await start(), request);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} .*"BadRequestError"`, "s"));
  });
});
