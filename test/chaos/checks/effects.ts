import type { Kind } from "../history.ts";
import { type Call, partsOf, type Run, type Violation } from "../run.ts";

/** The word of the line that an operation leaves. */
export const WORDS: Readonly<Record<Kind, string>> = {
  add: "add",
  post: "add",
  fail: "fail",
  tell: "tell",
  relay: "relay",
  bulk: "bulk",
  arm: "set",
  disarm: "unset",
  read: "read",
};

/** What callers were told against what was applied, each line exactly where and as often as somebody asked for it. */
export function checkEffects({ calls, ledgers, buried }: Run): Violation[] {
  const violations: Violation[] = [];
  const places = new Map<string, number[]>();
  for (const [ledger, { lines }] of ledgers) {
    lines.forEach((line, index) => {
      const { word, op } = partsOf(line);
      const key = `${ledger} ${word} ${op}`;
      places.set(key, [...(places.get(key) ?? []), index + 1]);
    });
  }
  const taken = (key: string): readonly number[] => {
    const found = places.get(key) ?? [];
    places.delete(key);
    return found;
  };
  for (const call of calls) {
    if (call.kind === "read") continue;
    const line = `${call.to} ${WORDS[call.kind]} ${call.op}`;
    const found = taken(line);
    // Who sends a message is told that it was accepted, and not that it was given up.
    if (call.kind === "post" && found.length === 0 && buried?.has(line)) continue;
    violations.push(...judge(call, found));
    if (call.kind !== "relay") continue;
    const [other = ""] = call.others;
    const inner = taken(`${other} add ${call.op}/inner`);
    if (inner.length > 1) violations.push({ rule: "applied once", what: `${call.op}/inner at ${inner}` });
    const relay = ledgers.get(call.to)?.lines.find((each) => each.startsWith(`relay ${call.op} `));
    if (relay && Number(partsOf(relay).rest[1]) !== inner[0]) {
      violations.push({ rule: "answered truly", what: `${relay}, which is at ${inner}` });
    }
  }
  for (const [key, found] of places) {
    // What instances do of themselves is another check's concern.
    if (/^\S+ (hear|fire|drop) /.test(`${key} `)) continue;
    violations.push({ rule: "nothing that nobody asked for", what: `${key} at ${found}` });
  }
  return violations;
}

function judge(call: Call, places: readonly number[]): Violation[] {
  const { op, kind, to, told, answers } = call;
  const where = `${kind} ${op} of ${to}, told ${told}, at ${places.length > 0 ? places : "no place"}`;
  if (kind === "fail" && (places.length > 0 || told === "ok"))
    return [{ rule: "all or nothing", what: where }];
  if (places.length > 1) return [{ rule: "applied once", what: where }];
  if (told === "ok" && places.length === 0) return [{ rule: "what was answered is kept", what: where }];
  if ((told === "refused" || told === "failed") && places.length > 0) {
    return [{ rule: "what was refused or failed is not applied", what: where }];
  }
  const [first] = answers;
  if (told === "ok" && kind !== "post" && first?.result !== places[0]) {
    return [{ rule: "answered truly", what: `${where}, answered ${first?.result}` }];
  }
  return [];
}

/** Whoever asks again for a call gets its first outcome. */
export function checkOutcomes({ calls }: Run): Violation[] {
  return calls.flatMap(({ op, answers }) => {
    const told = new Set(answers.map(({ told, result, error }) => JSON.stringify([told, result, error])));
    return told.size > 1 ? [{ rule: "one outcome", what: `${op}: ${[...told].join(", then ")}` }] : [];
  });
}
