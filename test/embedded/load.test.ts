import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { run } from "../endpoints/processes.ts";
import { startDev } from "./dev-server.ts";

const CHECKOUT = join(import.meta.dirname, "../..");

async function server() {
  const cwd = mkdtempSync(join(tmpdir(), "load-"));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  return startDev({ args: [join(CHECKOUT, "examples/account"), "--port", "0"], cwd });
}

const load = (...args: readonly string[]) =>
  run(process.execPath, [join(CHECKOUT, "bench/load.ts"), ...args], { env: process.env, timeoutMs: 200_000 });

test("the load of an embedded server ends by itself, with every balance exact", async () => {
  const { url } = await server();
  const closed = await load("--url", url, "--calls", "600", "--instances", "7", "--hot", "0.5", "--json");
  expect(closed.code, closed.output).toBe(0);
  expect(JSON.parse(closed.output)).toMatchObject({
    calls: 600,
    errors: {},
    unanswered: 0,
    accounts: 7,
    wrong: [],
    dollars: null,
  });
  const open = await load("--url", url, "--rate", "200", "--seconds", "1", "--instances", "50");
  expect(open.code, open.output).toBe(0);
  expect(open.output).toMatch(
    /^200 calls in \d+\.\d s: \d+\.\d answered a second, 200 a second asked for\nlatency, from when a call was to be made: p50 .*\nlatest call: made .* after its moment\n\d+ balances compared \(load-[0-9a-f]{12}-…\): all exact\n$/,
  );
});

test("a server that is gone is told by the names of its errors, and nothing can be compared", async () => {
  const { url, stop } = await server();
  await stop();
  const { code, output } = await load("--url", url, "--calls", "5", "--concurrency", "1");
  expect(code).toBe(1);
  expect(output).toContain("error ECONNREFUSED: 5");
  expect(output).toContain("no balance could be compared");
});
