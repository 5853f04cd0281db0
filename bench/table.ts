/** The values of all runs, by what was measured and by server. */
export type Measured = Record<string, Record<string, number[]>>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** A line for each measure: both servers' medians with their least and most, and their ratio, run by run. */
export function table(measured: Measured): string {
  const lines = Object.entries(measured).map(([what, { floor = [], embedded = [] }]) => {
    const ratios = ratiosOf({ floor, embedded });
    return `| ${what} | ${spread(floor)} | ${spread(embedded)} | ${spread(ratios)} |`;
  });
  return [
    "| median (least to most) | the floor | the embedded server | ratio |",
    "|---|---|---|---|",
    ...lines,
  ].join("\n");
}

/** How the embedded server did beside the floor, run by run. */
export function ratiosOf({ floor = [], embedded = [] }: Record<string, number[]>): number[] {
  return embedded.map((value, run) => value / (floor[run] ?? Number.NaN));
}

function spread(values: readonly number[]): string {
  return `${shown(median(values))} (${shown(Math.min(...values))} to ${shown(Math.max(...values))})`;
}

function shown(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(2)));
}
