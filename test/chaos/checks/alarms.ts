import type { State } from "../history.ts";
import { partsOf, type Run, type Violation } from "../run.ts";

/** Alarms: each setting fires once, not before its time, unless another one takes its place; none is left over. */
export function checkAlarms({ ledgers }: Pick<Run, "ledgers">): Violation[] {
  return [...ledgers.values()].flatMap(checkLedger);
}

function checkLedger({ ledger, lines, alarm }: State): Violation[] {
  const violations: Violation[] = [];
  const breaks = (rule: string, what: string) => violations.push({ rule, what: `${ledger}: ${what}` });
  let pending: { readonly op: string; readonly due: number } | undefined;
  for (const line of lines) {
    const { word, op, rest } = partsOf(line);
    if (word === "set") pending = { op, due: Number(rest[0]) };
    else if (word === "unset") pending = undefined;
    else if (word === "drop") breaks("no alarm is dropped before four attempts", String(pending?.op));
    else if (word === "fire") {
      if (pending?.op !== op) breaks("alarms fire once", `${line}, while ${pending?.op} is set`);
      else if (Number(rest[0]) < pending.due) breaks("never before its time", `${line}, due ${pending.due}`);
      pending = undefined;
    }
  }
  if (pending) breaks("no alarm is lost", `${pending.op} was due ${pending.due}`);
  if (alarm !== null) breaks("no alarm is lost", `one is still set for ${alarm}`);
  return violations;
}
