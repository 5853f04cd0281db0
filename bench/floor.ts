// The least that this workload costs on one machine: a bare HTTP server that keeps balances in SQLite with `synchronous=FULL` and
// commits all writes of one turn of the event loop together. No actors, no idempotency, no mailboxes. Started by `embedded.ts`.

import { createServer, type ServerResponse } from "node:http";
import { DatabaseSync } from "node:sqlite";

interface Write {
  readonly response: ServerResponse;
  readonly account: string;
  readonly change: number;
}

const [port, file] = process.argv.slice(2);
if (port === undefined || file === undefined) throw new Error("usage: node bench/floor.ts <port> <file>");

const db = new DatabaseSync(file);
db.exec(
  "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL) WITHOUT ROWID",
);
const select = db.prepare("SELECT balance FROM accounts WHERE id = ?");
const upsert = db.prepare(
  "INSERT INTO accounts VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET balance = excluded.balance",
);
let waiting: Write[] = [];

const balanceOf = (account: string): number => Number(select.get(account)?.balance ?? 0);

function answer(response: ServerResponse, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(200, { "content-type": "application/json", "content-length": text.length }).end(text);
}

function apply({ account, change }: Write): { readonly ok: boolean; readonly balance: number } {
  const before = balanceOf(account);
  if (before + change < 0) return { ok: false, balance: before };
  upsert.run(account, before + change);
  return { ok: true, balance: before + change };
}

function flush(): void {
  const group = waiting;
  waiting = [];
  db.exec("BEGIN IMMEDIATE");
  const results = group.map(apply);
  db.exec("COMMIT");
  for (const [index, { response, account }] of group.entries())
    answer(response, { account, ...results[index] });
}

createServer((request, response) => {
  const [, , account = "", action] = (request.url ?? "").split("/");
  if (request.method === "GET") return answer(response, { account, balance: balanceOf(account) });
  let body = "";
  request.on("data", (part) => {
    body += part;
  });
  request.on("end", () => {
    const { amount } = JSON.parse(body);
    if (waiting.push({ response, account, change: action === "debit" ? -amount : amount }) === 1)
      setImmediate(flush);
  });
}).listen(Number(port), "127.0.0.1");
