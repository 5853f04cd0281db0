import { describe, expect, test } from "vitest";
import type { SendRequest } from "../endpoints/api-client.ts";

/** Statuses by which a gateway, or the runtime itself, says that it is unknown what came of a call. */
const UNKNOWN = new Set([502, 503, 504]);

/** What a debit is answered. */
interface Debited {
  readonly ok: boolean;
  readonly balance: number;
}

/** The quick start's promises, which hold wherever `examples/account` runs. Names are fresh with every call. */
export function describeAccount(name: string, system: () => { request: SendRequest }): void {
  const run = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;
  const at = (account: string, action: string) => `/accounts/${account}-${run}/${action}`;
  const answer = async (method: string, path: string, body?: unknown) => {
    const { status, json } = await system().request(method, path, body);
    return [status, json()];
  };

  describe(`account: ${name}`, () => {
    test("the quick start's script gives the quick start's answers", async () => {
      const [alice, bob] = [`alice-${run}`, `bob-${run}`];
      expect(await answer("POST", at("alice", "deposit"), { amount: 100 })).toEqual([
        200,
        { account: alice, balance: 100 },
      ]);
      expect(await answer("POST", at("alice", "debit"), { amount: 30 })).toEqual([
        200,
        { account: alice, ok: true, balance: 70 },
      ]);
      expect(await answer("POST", at("alice", "debit"), { amount: 1000 })).toEqual([
        200,
        { account: alice, ok: false, balance: 70 },
      ]);
      expect(await answer("POST", at("bob", "deposit"), { amount: 5 })).toEqual([
        200,
        { account: bob, balance: 5 },
      ]);
      expect(await answer("GET", at("alice", "balance"))).toEqual([200, { account: alice, balance: 70 }]);
    });

    test("health answers", async () => {
      for (const probe of ["liveness", "readiness"]) {
        const { status, text } = await system().request("GET", `/health/${probe}`);
        expect([status, text]).toEqual([200, "ok"]);
      }
    });

    test.each([{}, { amount: "5" }, { amount: null }, undefined, "{not json"])(
      "a deposit of %j is a 400",
      async (body) => {
        expect(await answer("POST", at("carol", "deposit"), body)).toEqual([
          400,
          { error: expect.stringContaining("amount") },
        ]);
      },
    );

    test("I2: 40 concurrent debits of 10 on 300: exactly 30 succeed", async () => {
      const race = async (account: string) => {
        await answer("POST", at(account, "deposit"), { amount: 300 });
        const answers = await Promise.all(
          Array.from({ length: 40 }, () => answer("POST", at(account, "debit"), { amount: 10 })),
        );
        // Also where some are not known, no more is given away than there was, and nothing twice.
        const balances = answers
          .filter(([status]) => status === 200)
          .map(([, body]) => body as Debited)
          .filter(({ ok }) => ok)
          .map(({ balance }) => balance);
        expect(balances.length).toBeLessThanOrEqual(30);
        expect(new Set(balances).size).toBe(balances.length);
        return { answers, balances };
      };
      // A busy machine may take longer to answer a burst than a router waits: then it is not known who got something, and others race.
      let account = "dave";
      let { answers, balances } = await race(account);
      for (let again = 1; again < 5 && answers.some(([status]) => UNKNOWN.has(Number(status))); again++) {
        account = `dave-${again}`;
        ({ answers, balances } = await race(account));
      }
      expect(answers.map(([status]) => status)).toEqual(Array(40).fill(200));
      expect(balances.sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n * 10));
      expect(await answer("GET", at(account, "balance"))).toEqual([
        200,
        { account: `${account}-${run}`, balance: 0 },
      ]);
    });
  });
}
