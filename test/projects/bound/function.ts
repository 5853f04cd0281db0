import type { ActorNamespace } from "stateful-actors/bound";
import { env } from "stateful-actors/bound";
import type { Account } from "../../../examples/account/src/account.ts";

/** A function of its own, bound to the accounts of another construct. */
export async function handler({ deposit, key }: { deposit: number; key: string }) {
  const { BANK } = env as unknown as { BANK: ActorNamespace<Account> };
  const account = BANK.idFromName("bound");
  await account.with({ idempotencyKey: key }).deposit(deposit);
  const mistaken = account as unknown as { close(): Promise<void> };
  const failure = await mistaken.close().catch((error: Error) => error.name);
  return { balance: await account.balance(), failure };
}
