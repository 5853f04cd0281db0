import { type Measured, median, ratiosOf } from "./table.ts";

/** Calls a second of others beside their floor, as an outside harness measured all of them alike on two quiet cores; not run here. */
const QUOTED = {
  "one account, calls/s": { floor: 23_700, workerd: 1_610, Restate: 310 },
  "1000 accounts, calls/s": { floor: 25_800, workerd: 1_435, Restate: 990 },
} as const;

const TITLE = "Calls a second over 64 connections, as a share of the floor's";
const WIDTH = 640;
const PANEL = 300;
const HEIGHT = 260;
const BASE = 210;
const TOP = 50;
const COLUMN = 60;

interface Column {
  readonly name: string;
  readonly share: number;
  readonly least: number;
  readonly most: number;
  readonly colour: string;
}

/** Calls a second as a share of the floor's, as SVG: the embedded server as measured, others as quoted. */
export function drawShares(measured: Measured): string {
  const panels = Object.entries(QUOTED).map(([what, quoted], panel) => {
    const ratios = ratiosOf(measured[what] ?? {});
    const columns: Column[] = [
      { ...exactly(1), name: "the floor", colour: "#9aa5b1" },
      {
        name: "embedded",
        share: median(ratios),
        least: Math.min(...ratios),
        most: Math.max(...ratios),
        colour: "#2b6cb0",
      },
      { ...exactly(quoted.workerd / quoted.floor), name: "workerd", colour: "#d69e2e" },
      { ...exactly(quoted.Restate / quoted.floor), name: "Restate", colour: "#805ad5" },
    ];
    const title = what.replace(", calls/s", "").replace("1000", "1,000");
    return drawPanel(title, columns, 20 + panel * PANEL);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${TITLE}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="20" y="20" font-size="14">${TITLE}</text>`,
    ...panels,
    `<text x="20" y="${HEIGHT - 8}" fill="#666">The floor and the embedded server: this run, median, least to most. The others: as quoted, measured elsewhere.</text>`,
    "</svg>",
    "",
  ].join("\n");
}

function exactly(share: number): Pick<Column, "share" | "least" | "most"> {
  return { share, least: share, most: share };
}

function drawPanel(title: string, columns: readonly Column[], left: number): string {
  const y = (share: number) => Math.round(BASE - share * (BASE - TOP));
  const drawn = columns.map(({ name, share, least, most, colour }, index) => {
    const x = left + index * (COLUMN + 10);
    const middle = x + COLUMN / 2;
    return [
      `<rect x="${x}" y="${y(share)}" width="${COLUMN}" height="${BASE - y(share)}" fill="${colour}"/>`,
      ...(most > least
        ? [`<path d="M${middle} ${y(least)}V${y(most)}" stroke="black" stroke-width="1.5"/>`]
        : []),
      `<text x="${middle}" y="${y(most) - 5}" text-anchor="middle">${share.toFixed(2)}</text>`,
      `<text x="${middle}" y="${BASE + 15}" text-anchor="middle">${name}</text>`,
    ].join("\n");
  });
  return [
    ...drawn,
    `<text x="${left}" y="${TOP - 12}" fill="#666">${title}</text>`,
    `<path d="M${left} ${BASE}H${left + 4 * (COLUMN + 10) - 10}" stroke="black"/>`,
  ].join("\n");
}
