import { describe, expect, test } from "vitest";
import { type ApiAddress, type ApiAnswer, apiClient } from "../endpoints/api-client.ts";
import { startProxy } from "./proxy.ts";

/** Statuses by which a gateway, or the runtime itself, says that it is unknown what came of a call. */
const UNKNOWN = new Set([502, 503, 504]);

/**
 * Calls of a key survive the loss of their answers: `examples/account`, through its own fetch handler.
 *
 * @param atOnce how many of the callers wait for an answer at the same time
 */
export function describeLostAnswers(name: string, system: () => ApiAddress, { atOnce = 200 } = {}): void {
  const account = `lost-${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;

  describe(`lost answers: ${name}`, () => {
    test("200 callers repeat one keyed deposit until they are answered: it is applied once", async () => {
      const proxy = await startProxy(system(), () => Math.random() < 0.5);
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
          if (answer && !UNKNOWN.has(answer.status)) return answer;
        }
      };
      try {
        const all: ApiAnswer[] = [];
        const callInTurn = async () => {
          for (let n = 0; n < 200 / atOnce; n++) all.push(await deposit());
        };
        await Promise.all(Array.from({ length: atOnce }, callInTurn));
        expect(all.map(({ status, json }) => [status, json()])).toEqual(
          Array(200).fill([200, { account, balance: 10 }]),
        );
        expect(proxy.lost()).toBeGreaterThan(50);
        const balance = await apiClient(system())("GET", `/accounts/${account}/balance`);
        expect(balance.json()).toEqual({ account, balance: 10 });
      } finally {
        await proxy.stop();
      }
    });
  });
}
