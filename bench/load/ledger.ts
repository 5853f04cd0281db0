/** How a call ended, as far as its caller knows. */
export type Ending =
  /** It was answered: this is by how much the balance has changed. */
  | { readonly kind: "answered"; readonly applied: number }
  /** It was refused, and nothing was done. */
  | { readonly kind: "refused"; readonly error: string }
  /** Nobody knows: it may have been applied, or may yet be. */
  | { readonly kind: "unknown"; readonly error: string };

interface Account {
  acknowledged: number;
  /** The least and the most that calls without an answer may have added. */
  least: number;
  most: number;
}

/** What each account must hold, by what its callers were told. */
export class Ledger {
  readonly #accounts = new Map<number, Account>();

  note(instance: number, change: number, ending: Ending): void {
    const account = this.#accounts.get(instance) ?? { acknowledged: 0, least: 0, most: 0 };
    this.#accounts.set(instance, account);
    if (ending.kind === "answered") account.acknowledged += ending.applied;
    if (ending.kind === "unknown") {
      account.least += Math.min(0, change);
      account.most += Math.max(0, change);
    }
  }

  /** The accounts that were called. */
  get instances(): number[] {
    return [...this.#accounts.keys()];
  }

  /** What is wrong with a balance, or `undefined`. */
  wrong(instance: number, balance: number): string | undefined {
    const { acknowledged, least, most } = this.#accounts.get(instance) ?? {
      acknowledged: 0,
      least: 0,
      most: 0,
    };
    if (balance >= acknowledged + least && balance <= acknowledged + most) return undefined;
    const allowed =
      least === 0 && most === 0
        ? `${acknowledged}`
        : `${acknowledged + least} to ${acknowledged + most}, as calls without an answer may have been applied`;
    return `account ${instance} holds ${balance} and must hold ${allowed}`;
  }
}
