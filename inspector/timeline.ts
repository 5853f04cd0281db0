import type { Turn } from "./answers.ts";

/** Instances drawn at most: those with the latest turns. */
const ROWS = 8;
const ROW_HEIGHT = 16;
const BAR_HEIGHT = 10;
/** Narrowest bar, in pixels: a short turn must be seen. */
const NARROWEST = 2;
/** Where the names end and the bars begin, in pixels. */
export const NAMES_WIDTH = 160;

export interface Bar {
  readonly turn: Turn;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Row {
  readonly instance: string;
  /** The middle of the row. */
  readonly y: number;
}

export interface Timeline {
  readonly rows: readonly Row[];
  readonly bars: readonly Bar[];
  readonly height: number;
}

/** A row for each instance, a bar for each turn; time runs from left to right. */
export function layOut(
  turns: readonly Turn[],
  { from, to, width }: { from: number; to: number; width: number },
): Timeline {
  const shown = turns.filter(({ at, ms }) => at + ms >= from && at <= to);
  const latest = new Map<string, number>();
  for (const turn of shown) latest.set(instanceOf(turn), turn.at);
  const instances = [...latest]
    .sort(([, a], [, b]) => b - a)
    .slice(0, ROWS)
    .map(([instance]) => instance)
    // Rows that change their places with each turn can't be read.
    .sort();
  const places = new Map(instances.map((instance, index) => [instance, index]));
  const perMs = (width - NAMES_WIDTH) / (to - from);
  const bars = shown.flatMap((turn): Bar[] => {
    const row = places.get(instanceOf(turn));
    if (row === undefined) return [];
    const begin = Math.max(from, turn.at);
    const barWidth = Math.max(NARROWEST, (turn.at + turn.ms - begin) * perMs);
    const x = Math.min(NAMES_WIDTH + (begin - from) * perMs, width - NARROWEST);
    return [
      {
        turn,
        x,
        y: row * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2,
        width: Math.min(barWidth, width - x),
        height: BAR_HEIGHT,
      },
    ];
  });
  const rows = instances.map((instance, index) => ({ instance, y: index * ROW_HEIGHT + ROW_HEIGHT / 2 }));
  return { rows, bars, height: Math.max(1, rows.length) * ROW_HEIGHT };
}

export function instanceOf({ type, name }: Turn): string {
  return `${type}/${name}`;
}
