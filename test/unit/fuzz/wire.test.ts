import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { startEmbedded } from "../../../handlers/embedded.ts";
import { mutated, SEED } from "./hostile.ts";
import { breaches, Vault } from "./vault.ts";

/** After how long without an answer it is asked whether one is still to come, in ms; the server ends such a request itself much later. */
const PATIENCE_MS = 300;

const whoami = (port: number) => fetch(`http://127.0.0.1:${port}/Vault/alice/whoami`, { method: "POST" });

/**
 * Sends `bytes` as they are, and gives back what was answered until the other side ends, or nothing more comes: what came after them
 * has been answered, and they have not.
 */
function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    const end = () => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PATIENCE_MS, async () => {
      const before = answer;
      await whoami(port);
      if (answer === before) end();
    });
    socket.on("data", (part) => {
      answer += part.toString("latin1");
    });
    socket.on("close", end);
    socket.on("error", end);
  });
}

const request = (path: string, fields: string[], body: string) =>
  [`POST ${path} HTTP/1.1`, "Host: localhost", "Connection: close", ...fields, "", body].join("\r\n");

const requests = [
  request("/Vault/alice/whoami", ["Content-Length: 2"], "[]"),
  request("/Vault/alice/echo", ["Transfer-Encoding: chunked"], "3\r\n[7]\r\n0\r\n\r\n"),
  request("/Vault/alice/echo", ["Transfer-Encoding: chunked", "Content-Length: 3"], "3\r\n[7]\r\n0\r\n\r\n"),
  request("/Vault/alice/echo", ["Content-Length: 3", "Content-Length: 30"], "[7]"),
  request("/Vault/alice/echo", ["Content-Length: 3", "Idempotency-Key: k\r\n Envelope-Id: e"], "[7]"),
  request("/Vault/alice/echo", ["Content-Length: 3", "Idempotency-Key: a", "Idempotency-Key: b"], "[7]"),
  request("/Vault/alice/echo", ["Content-Length: 3", "Content-Encoding: gzip"], "[7]"),
  request("/Vault/alice/echo", ["Expect: 100-continue", "Content-Length: 3"], "[7]"),
  request("/Vault/alice/echo", ["Upgrade: websocket", "Connection: upgrade"], ""),
  request("/../../../../etc/passwd", [], ""),
  request("http://other/Vault/alice/whoami", [], ""),
  request("/Vault/alice/whoami", [], "") + request("/Vault/alice/_private", [], ""),
  "GET / HTTP/1.0\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

test("I20: whatever comes over the wire is answered in one form or not at all, and the server serves on", async () => {
  breaches.length = 0;
  const folder = mkdtempSync(join(tmpdir(), "wire-"));
  const server = await startEmbedded({
    module: { Vault },
    actors: [{ binding: "VAULT", type: "Vault" }],
    stateFile: join(folder, "state.sqlite"),
    port: 0,
    host: "127.0.0.1",
  });
  onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const port = Number(new URL(server.url).port);
  const text = fc.oneof(
    fc.constantFrom(...requests),
    mutated(fc.constantFrom(...requests)),
    mutated(fc.constantFrom(...requests)),
    fc.string({ unit: "binary" }),
  );
  let answered = 0;
  // Many at a time: those that get no answer take their time.
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 32, maxLength: 32 }), async (texts) => {
      const answers = await Promise.all(texts.map((each) => exchange(port, Buffer.from(each, "latin1"))));
      for (const answer of answers) {
        if (answer === "") continue;
        answered++;
        expect(answer).toMatch(/^HTTP\/1\.1 (100|200|202|400|403|404|405|413|422|431) /);
        expect(answer).not.toMatch(/InternalError|node:internal|root:|at .*\.ts:/);
      }
    }),
    { numRuns: 25, seed: SEED },
  );
  expect(answered).toBeGreaterThan(400);
  expect(breaches).toEqual([]);
  const last = await whoami(port);
  expect([last.status, await last.json()]).toEqual([200, "alice"]);
});
