import type { State } from "../history.ts";
import { type Call, partsOf, type Run, type Violation } from "../run.ts";
import { WORDS } from "./effects.ts";

interface Read {
  readonly length: number;
  readonly bulk: readonly string[];
}

/**
 * Linearizability of each ledger: the order of its lines is the order in which everything seems to have happened, reads between the
 * lines that they saw and did not see. What was answered before something else began stands before it.
 */
export function checkOrder({ calls, ledgers }: Run): Violation[] {
  return [...ledgers.values()].flatMap((state) => {
    const own = calls.filter(({ to }) => to === state.ledger);
    const reads = own.filter(({ kind, told }) => kind === "read" && told === "ok");
    return [
      ...checkMoments(inOrder(own, reads, state), state.ledger),
      ...reads.flatMap((read) => checkRead(read, state)),
    ];
  });
}

/** Operations in the order of the ledger. */
function inOrder(own: readonly Call[], reads: readonly Call[], { lines }: State): Call[] {
  const byLine = new Map(own.map((call) => [`${WORDS[call.kind]} ${call.op}`, call]));
  const placed = lines.flatMap((line, index) => {
    const { word, op } = partsOf(line);
    const call = byLine.get(`${word} ${op}`);
    return call ? [{ call, place: index + 1, after: 0 }] : [];
  });
  // Reads of the same length may have come in any order: in that of their beginnings, if in any.
  const seen = reads.map((call) => ({ call, place: readOf(call).length, after: 1 + call.begun }));
  return [...placed, ...seen].sort((a, b) => a.place - b.place || a.after - b.after).map(({ call }) => call);
}

function checkMoments(order: readonly Call[], ledger: string): Violation[] {
  const violations: Violation[] = [];
  let latest: Call | undefined;
  for (const call of order) {
    if (latest && call.answered < latest.begun) {
      const what = `${ledger}: ${call.kind} ${call.op} was answered before ${latest.kind} ${latest.op} began, and stands behind it`;
      violations.push({ rule: "in order", what });
    }
    if (!latest || call.begun > latest.begun) latest = call;
  }
  return violations;
}

function checkRead(call: Call, { ledger, lines }: State): Violation[] {
  const { length, bulk } = readOf(call);
  const last = lines.slice(0, length).findLast((line) => line.startsWith("bulk "));
  const expected = last === undefined ? [] : [partsOf(last).op];
  if (length <= lines.length && JSON.stringify(bulk) === JSON.stringify(expected)) return [];
  const what = `${ledger}: ${call.op} read ${length} lines and ${bulk}, not ${expected} of ${lines.length}`;
  return [{ rule: "reads see one committed state", what }];
}

function readOf({ answers }: Call): Read {
  return (answers[0]?.result ?? { length: 0, bulk: [] }) as Read;
}
