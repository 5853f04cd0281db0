import { type ActorNamespace, env } from "stateful-actors/bound";
import type { Account } from "./actors/src/index.ts";

/** A function of another stack, bound to the accounts. */
export async function handler({ account, deposit, key }: { account: string; deposit: number; key: string }) {
  const { BANK } = env as unknown as { BANK: ActorNamespace<Account> };
  const stub = BANK.idFromName(account);
  return { first: await stub.with({ idempotencyKey: key }).deposit(deposit), balance: await stub.balance() };
}
