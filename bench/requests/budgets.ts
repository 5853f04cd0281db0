import type { Counts, Workload } from "./counts.ts";

/** The most that a workload in steady state may ask AWS for. What is not named is not bounded. */
type Budget = Partial<Record<keyof Counts, number>>;

const BUDGETS: Readonly<Record<Workload, Budget>> = {
  debit: {
    sends: 1,
    headReads: 1,
    headWrites: 1,
    stateWriteUnits: 1,
    replyWrites: 1,
    replyReads: 3,
    armings: 0,
    leases: 1,
  },
  "ten debits": {
    sends: 1,
    headReads: 1,
    headWrites: 2,
    replyWrites: 10,
    replyReads: 3,
    armings: 0,
    leases: 1,
  },
  "200 debits": {
    sends: 1,
    headReads: 1,
    headWrites: 2,
    stateWriteUnits: 40,
    replyWrites: 200,
    armings: 0,
    leases: 1,
  },
  balance: {
    sends: 1,
    headReads: 1,
    headWrites: 0,
    stateWriteUnits: 0,
    replyWrites: 1,
    replyReads: 3,
    armings: 0,
    leases: 1,
  },
  "20 keys of 1 KB": {
    sends: 1,
    headReads: 1,
    headWrites: 0,
    transactions: 1,
    replyWrites: 1,
    armings: 0,
    leases: 1,
  },
  "touch, later": { sends: 1, headReads: 1, headWrites: 1, replyWrites: 1, armings: 0, leases: 1 },
};

/** What exceeds its budget, a line each. */
export function exceeded(workload: Workload, counts: Counts): string[] {
  return Object.entries(BUDGETS[workload]).flatMap(([name, most]) => {
    const count = counts[name as keyof Counts];
    return count > most ? [`${workload}: ${count} ${name}, at most ${most} are allowed`] : [];
  });
}
