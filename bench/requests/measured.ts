import type { Counts, Workload } from "./counts.ts";

/** What most calls have in common; a look costs half a unit, found or not. */
const ORDINARY: Counts = {
  sends: 1,
  headReads: 1,
  headWrites: 1,
  transactions: 0,
  stateWriteUnits: 1,
  replyWrites: 1,
  replyWriteUnits: 1,
  replyReads: 2,
  replyReadUnits: 1,
  armings: 0,
  leases: 1,
  others: 0,
};

/**
 * What `countRequests` counts, exactly: the figures of docs/performance.md, and what the model composes. A test compares; a change
 * that moves one is a change of what users pay.
 */
export const MEASURED: Readonly<Record<Workload, Counts>> = {
  debit: ORDINARY,
  "ten debits": { ...ORDINARY, replyWrites: 10, replyWriteUnits: 10, replyReadUnits: 10 },
  // Its outcomes lie in the head, and a request looks for a hundred replies.
  "200 debits": {
    ...ORDINARY,
    stateWriteUnits: 14,
    replyWrites: 200,
    replyWriteUnits: 200,
    replyReads: 4,
    replyReadUnits: 200,
  },
  balance: { ...ORDINARY, headWrites: 0, stateWriteUnits: 0 },
  "20 keys of 1 KB": { ...ORDINARY, headWrites: 0, transactions: 1, stateWriteUnits: 48 },
  "touch, later": ORDINARY,
};
