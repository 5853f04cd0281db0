import { partsOf, type Run, type Violation } from "../run.ts";

/** One-way messages: those of committed turns arrive, each once, in order for each receiver, or are given up; no others do. */
export function checkMessages({ ledgers, buried }: Pick<Run, "ledgers" | "buried">): Violation[] {
  const sent = new Map<string, number>();
  const heard = new Map<string, number[]>();
  for (const [ledger, { lines }] of ledgers) {
    for (const { word, op, rest } of lines.map(partsOf)) {
      if (word === "tell") {
        for (const to of rest[0]?.split(",") ?? []) {
          const way = `${ledger} to ${to}`;
          sent.set(way, (sent.get(way) ?? 0) + 1);
        }
      } else if (word === "hear") {
        const [from, number] = op.split("#");
        const way = `${from} to ${ledger}`;
        heard.set(way, [...(heard.get(way) ?? []), Number(number)]);
      }
    }
  }
  return [...new Set([...sent.keys(), ...heard.keys()])].flatMap((way) => {
    const numbers = heard.get(way) ?? [];
    const [from, to] = way.split(" to ");
    const wanted = Array.from({ length: sent.get(way) ?? 0 }, (_, index) => index + 1).filter(
      (number) => !buried?.has(`${to} hear ${from}#${number}`),
    );
    const first = wanted.findIndex((number, index) => number !== numbers[index]);
    if (first < 0 && numbers.length === wanted.length) return [];
    const index = first < 0 ? wanted.length : first;
    const what = `${way}: of ${wanted.length} messages number ${index + 1} came as ${numbers[index] ?? "none"}`;
    return [{ rule: "messages once, in order", what }];
  });
}
