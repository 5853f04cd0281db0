import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import * as account from "../../examples/account/src/index.ts";
import { type EmbeddedServer, startEmbedded } from "../../handlers/embedded.ts";
import { describeAccount } from "../acceptance/account-suite.ts";
import { describeAlarms } from "../acceptance/alarm-suite.ts";
import { httpStorage } from "../acceptance/http-storage.ts";
import { describeProbe } from "../acceptance/probe-suite.ts";
import { describeStorage } from "../acceptance/storage-suite.ts";
import { apiClient, type SendRequest } from "../endpoints/api-client.ts";
import * as probe from "../projects/probe/src/index.ts";
import { startDev } from "./dev-server.ts";

const ACCOUNT = join(import.meta.dirname, "../../examples/account");
const folder = mkdtempSync(join(tmpdir(), "embedded-"));
afterAll(() => rmSync(folder, { recursive: true }));

function clientOf(url: string): SendRequest {
  return apiClient({ endpoint: url.replace("localhost", "127.0.0.1"), host: new URL(url).host });
}

/** One server for a suite. */
function served(name: string, module: object, actors: { binding: string; type: string }[]) {
  let server: EmbeddedServer;
  let request: SendRequest;
  beforeAll(async () => {
    const stateFile = join(folder, `${name}.sqlite`);
    server = await startEmbedded({ module: { ...module }, actors, stateFile, port: 0, host: "127.0.0.1" });
    request = clientOf(server.url);
  });
  afterAll(() => server.close());
  return () => ({ request });
}

describe("in process", () => {
  const system = served("account", account, [{ binding: "ACCOUNT", type: "Account" }]);
  describeAccount("embedded", system);
});

describe("in process", () => {
  process.env.PROBE_GREETING = "hello from the manifest";
  const system = served("probe", probe, [
    { binding: "PROBE", type: "Probe" },
    { binding: "RELAY", type: "Relay" },
    { binding: "SCRIPT", type: "Script" },
    { binding: "LOADER", type: "Loader" },
    { binding: "DESK", type: "Desk" },
    { binding: "CLERK", type: "Clerk" },
    { binding: "SLEEPER", type: "Sleeper" },
  ]);
  describeProbe("embedded", system);
  describeAlarms("embedded", system);
  describeStorage("embedded", httpStorage(system), { sessions: 1000, atOnce: 16 });

  test("I2: two instances do not block each other", async () => {
    const { request } = system();
    let held = true;
    const slow = request("POST", "/Probe/slow/holdUntil", '["quick", "done"]').then(() => {
      held = false;
    });
    for (let n = 1; n <= 20; n++) {
      expect((await request("POST", "/Probe/quick/increment")).json()).toBe(n);
    }
    expect(held).toBe(true);
    await request("POST", "/Probe/quick/put", '["done", true]');
    await slow;
  });
});

describe("a server that ends", () => {
  const start = (state: string) =>
    startDev({ args: [ACCOUNT, "--port", "0", "--state", state], cwd: folder });

  test.each(["SIGTERM", "SIGKILL"] as const)(
    "I3: what was answered is there after %s under load",
    async (signal) => {
      const state = mkdtempSync(join(folder, "state-"));
      const first = await start(state);
      const request = clientOf(first.url);
      let acknowledged = 0;
      let stopped = false;
      const load = Promise.all(
        Array.from({ length: 16 }, async () => {
          while (!stopped) {
            const answer = await request("POST", "/accounts/hot/deposit", { amount: 1 }).catch(
              () => undefined,
            );
            if (answer?.status !== 200) return;
            acknowledged++;
          }
        }),
      );
      onTestFinished(() => {
        stopped = true;
      });
      await expect.poll(() => acknowledged).toBeGreaterThan(100);
      if (signal === "SIGKILL") await first.kill9();
      else await first.stop(signal);
      stopped = true;
      await load;

      const second = await start(state);
      const { json } = await clientOf(second.url)("GET", "/accounts/hot/balance");
      const { balance } = json() as { balance: number };
      // A deposit may have landed without its answer reaching us; never the other way round.
      expect(balance).toBeGreaterThanOrEqual(acknowledged);
      expect(balance).toBeLessThanOrEqual(acknowledged + 16);
    },
  );
});
