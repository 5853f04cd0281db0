import { describe, expect, test } from "vitest";
import { type ApiAddress, type ApiAnswer, apiClient } from "../endpoints/api-client.ts";
import { startProxy } from "./proxy.ts";

/** Calls of a key survive the loss of their answers: `examples/account`, through its own fetch handler. */
export function describeLostAnswers(name: string, system: () => ApiAddress): void {
  const account = `lost-${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;

  describe(`lost answers: ${name}`, () => {
    test("200 callers repeat one keyed deposit until they are answered: it is applied once", async () => {
      let answers = 0;
      // Every caller loses at least its first answer, on average.
      const proxy = await startProxy(system(), () => answers++ < 200 || Math.random() < 0.3);
      const { hostname, port } = new URL(proxy.url);
      const request = apiClient({ endpoint: proxy.url, host: `${hostname}:${port}` });
      const deposit = async (): Promise<ApiAnswer> => {
        for (;;) {
          const answer = await request(
            "POST",
            `/accounts/${account}/deposit`,
            { amount: 10 },
            { "idempotency-key": "the one deposit" },
          ).catch(() => undefined);
          if (answer) return answer;
        }
      };
      try {
        const all = await Promise.all(Array.from({ length: 200 }, deposit));
        expect(all.map(({ status, json }) => [status, json()])).toEqual(
          Array(200).fill([200, { account, balance: 10 }]),
        );
        expect(proxy.lost()).toBeGreaterThanOrEqual(200);
        const balance = await apiClient(system())("GET", `/accounts/${account}/balance`);
        expect(balance.json()).toEqual({ account, balance: 10 });
      } finally {
        await proxy.stop();
      }
    });
  });
}
