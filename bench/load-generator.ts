// Asks a server for debits and deposits, as a process of its own, so that its work and that of the server lie on two processors. It remembers
// what every account must hold, and compares. Started by `load-process.ts`, told what to do by messages.

import { HttpConnection } from "./http-connection.ts";
import type { Check, LoadCommand, LoadDone, LoadOptions } from "./load-process.ts";

/** What an account must hold, as far as the server has said. */
interface Account {
  acknowledged: number;
  /** The least and the most that changes without an answer may have added. */
  least: number;
  most: number;
}

const accounts = new Map<string, Account>();
/** Connections that look at balances. */
const CHECKERS = 16;

process.on("message", async ({ order, command }: { order: number; command: LoadCommand }) => {
  const result = command.kind === "load" ? await load(command) : await check(command.port);
  process.send?.({ order, result });
});

async function load({ port, connections, calls, seconds, names, seed }: LoadOptions): Promise<LoadDone> {
  const latencies: number[] = [];
  let next = 0;
  let unanswered = 0;
  const open = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(port)));
  const began = performance.now();
  const end = began + seconds * 1000;
  const work = async (connection: HttpConnection) => {
    for (let call = next++; call < calls && performance.now() < end; call = next++) {
      const name = nameOf(names, call);
      const change = seed ?? (call % 2 === 0 ? 10 : -3);
      const account = accountOf(name);
      const asked = performance.now();
      try {
        const answer = await connection.send(
          "POST",
          `/accounts/${name}/${change < 0 ? "debit" : "deposit"}`,
          `{"amount":${Math.abs(change)}}`,
        );
        if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.body.slice(0, 200)}`);
        latencies.push(performance.now() - asked);
        // A debit that the balance does not cover changes nothing.
        if (!answer.body.includes('"ok":false')) account.acknowledged += change;
      } catch (error) {
        account.least += Math.min(0, change);
        account.most += Math.max(0, change);
        unanswered++;
        if (!(error instanceof Error && /closed|ECONN|EPIPE/.test(String(error)))) throw error;
        return;
      }
    }
  };
  await Promise.all(open.map(work));
  const took = (performance.now() - began) / 1000;
  for (const connection of open) connection.close();
  latencies.sort((a, b) => a - b);
  const part = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN;
  return {
    calls: latencies.length,
    unanswered,
    perSecond: latencies.length / took,
    p50: part(0.5),
    p99: part(0.99),
  };
}

/** Compares every balance with what was acknowledged. */
async function check(port: number): Promise<Check> {
  const wrong: string[] = [];
  const left = [...accounts];
  const checker = async () => {
    const connection = await HttpConnection.open(port);
    for (let each = left.pop(); each; each = left.pop()) {
      const [name, { acknowledged, least, most }] = each;
      const answer = await connection.send("GET", `/accounts/${name}/balance`);
      const balance: unknown = JSON.parse(answer.body).balance;
      const fits =
        typeof balance === "number" && balance >= acknowledged + least && balance <= acknowledged + most;
      if (!fits)
        wrong.push(`${name} holds ${balance}, and ${acknowledged} (${least} to +${most}) were acknowledged`);
    }
    connection.close();
  };
  const checked = accounts.size;
  await Promise.all(Array.from({ length: CHECKERS }, checker));
  return { checked, wrong };
}

function nameOf({ prefix, count }: LoadOptions["names"], call: number): string {
  // A step that shares no factor with the counts in use: neighbours in time are not neighbours in name.
  return count === 1 ? prefix : `${prefix}-${(call * 7919) % count}`;
}

function accountOf(name: string): Account {
  const found = accounts.get(name);
  if (found) return found;
  const fresh = { acknowledged: 0, least: 0, most: 0 };
  accounts.set(name, fresh);
  return fresh;
}
