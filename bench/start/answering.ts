import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";

/** What DynamoDB answers a write with, and the checksum that goes with it. */
const [BODY, CHECKSUM] = ["{}", "2745614147"];

/** A server in a process of its own, so that its time is not measured, that answers every write of DynamoDB at once. */
export async function startAnswering(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const child = fork(import.meta.filename, { stdio: "inherit" });
  const [port] = await once(child, "message");
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const closed = once(child, "close");
      child.kill();
      await closed;
    },
  };
}

if (import.meta.main) {
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      response.writeHead(200, {
        "content-type": "application/x-amz-json-1.0",
        "content-length": BODY.length,
        "x-amz-crc32": CHECKSUM,
      });
      response.end(BODY);
    });
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    process.send?.(typeof address === "object" ? address?.port : undefined);
  });
  process.once("disconnect", () => process.exit());
}
