import type { Begin, End, Kind, Recorded, State, Told } from "./history.ts";

/** A broken promise. */
export interface Violation {
  readonly rule: string;
  readonly what: string;
}

/** One operation, however often it was asked for. Moments are places in the history. */
export interface Call {
  readonly op: string;
  readonly kind: Kind;
  readonly to: string;
  readonly others: readonly string[];
  readonly begun: number;
  /** When its caller first knew what had become of it; infinite if never. */
  readonly answered: number;
  /** What its caller knows in the end: one refusal says nothing of the attempts beside it. */
  readonly told: Told;
  /** All answers that tell what became of it. */
  readonly answers: readonly End[];
}

/** A history, sorted for those who check it. */
export interface Run {
  readonly events: readonly Recorded[];
  readonly calls: readonly Call[];
  /** The ledgers as they are in the end, by name. */
  readonly ledgers: ReadonlyMap<string, State>;
  /** Messages that were given up: ledger and beginning of the line. */
  readonly buried?: ReadonlySet<string>;
}

interface Asked {
  readonly begin: Begin;
  readonly begun: number;
  /** Attempts that may have been applied, as far as their caller knows. */
  open: number;
  answered: number;
  readonly answers: End[];
}

export function sortHistory(events: readonly Recorded[]): Run {
  const asked = new Map<string, Asked>();
  const ledgers = new Map<string, State>();
  const buried = new Set<string>();
  events.forEach((event, moment) => {
    if (event.is === "begin") {
      const known = asked.get(event.op);
      if (known) known.open++;
      else {
        const answered = Number.POSITIVE_INFINITY;
        asked.set(event.op, { begin: event, begun: moment, open: 1, answered, answers: [] });
      }
    } else if (event.is === "end") {
      const known = asked.get(event.op);
      if (known) end(known, event, moment);
    } else if (event.is === "state") ledgers.set(event.ledger, event);
    else if (event.is === "buried") buried.add(`${event.ledger} ${event.line}`);
  });
  return { events, calls: [...asked.values()].map(callOf), ledgers, buried };
}

function end(asked: Asked, answer: End, moment: number): void {
  if (answer.told === "refused") asked.open--;
  if (answer.told !== "ok" && answer.told !== "failed") return;
  asked.answered = Math.min(asked.answered, moment);
  asked.answers.push(answer);
}

function callOf({ begin: { op, kind, to, others }, begun, open, answered, answers }: Asked): Call {
  const told = answers[0]?.told ?? (open > 0 ? "unknown" : "refused");
  return { op, kind, to, others, begun, answered, told, answers };
}

/** A line of a ledger: what it is, whose, and what else. */
export function partsOf(line: string): {
  readonly word: string;
  readonly op: string;
  readonly rest: readonly string[];
} {
  const [word = "", op = "", ...rest] = line.split(" ");
  return { word, op, rest };
}
