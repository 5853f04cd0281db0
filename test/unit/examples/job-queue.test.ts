import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { JobQueue } from "../../../examples/job-queue/src/index.ts";
import { start } from "../testing/start.ts";

/** A receiver on loopback that fails as often as told, and writes down what it gets. */
async function receiver() {
  const got: { body: unknown; key: string | undefined }[] = [];
  let failures = 0;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    got.push({ body: JSON.parse(body), key: request.headers["idempotency-key"]?.toString() });
    response.writeHead(failures-- > 0 ? 503 : 204).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    got,
    fail(times: number) {
      failures = times;
    },
  };
}

async function queue() {
  // Requests over a real socket take as long as they take.
  const actors = await start({ JobQueue }, { patience: "1h" });
  return { actors, jobs: actors.namespace(JobQueue).idFromName("mails"), ...(await receiver()) };
}

test("jobs run once each, in the order of their times", async () => {
  const { actors, jobs, url, got } = await queue();
  await jobs.push({ url, body: "later" }, 60_000);
  await jobs.push({ url, body: "now" });
  await actors.advance("59s");
  expect(got.map(({ body }) => body)).toEqual(["now"]);
  await actors.advance("1s");
  expect(got).toEqual([
    { body: "now", key: "mails/2" },
    { body: "later", key: "mails/1" },
  ]);
  expect(await jobs.waiting()).toBe(0);
});

test("a job that fails is tried again after 1, 2, 4 and 8 seconds, with the same key", async () => {
  const { actors, jobs, url, got, fail } = await queue();
  fail(4);
  await jobs.push({ url, body: "hello" });
  const tries: number[] = [];
  for (let second = 0; second <= 16; second++) {
    await actors.advance(second === 0 ? 0 : "1s");
    tries.push(got.length);
  }
  expect(tries).toEqual([1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5]);
  expect(new Set(got.map(({ key }) => key))).toEqual(new Set(["mails/1"]));
  expect([await jobs.waiting(), await jobs.failed()]).toEqual([0, {}]);
});

test("a job that never succeeds is kept aside, with what went wrong", async () => {
  const { actors, jobs, url, fail } = await queue();
  fail(99);
  await jobs.push({ url, body: "hello" });
  await jobs.push({ url: "http://127.0.0.1:1/", body: "nobody there" });
  await actors.advance("1m");
  expect(await jobs.failed()).toMatchObject({
    1: { tries: 5, lastError: "status 503" },
    2: { tries: 5, lastError: expect.stringContaining("fetch failed") },
  });
  expect(await jobs.waiting()).toBe(0);
});

test("more jobs than one alarm takes go on in the next", async () => {
  const { actors, jobs, url, got } = await queue();
  await Promise.all(Array.from({ length: 25 }, (_, n) => jobs.push({ url, body: n })));
  await actors.advance("1s");
  expect(got.map(({ body }) => body)).toEqual(Array.from({ length: 25 }, (_, n) => n));
});
