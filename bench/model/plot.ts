/** Bars beside each other, one group a row of the table. */
export interface Bars {
  readonly title: string;
  readonly unit: string;
  readonly groups: readonly {
    readonly name: string;
    /** Parts of the bar, from its foot up. */
    readonly parts: readonly { readonly name: string; readonly value: number }[];
  }[];
}

const [WIDTH, ROW, LEFT, TOP, RIGHT] = [860, 34, 300, 64, 90];
const COLOURS = [
  "#4269d0",
  "#efb118",
  "#ff725c",
  "#6cc5b0",
  "#3ca951",
  "#9c6b4e",
  "#a463f2",
  "#97bbf5",
  "#9498a0",
];

/** A plot as an SVG file's text: the same figures give the same bytes. */
export function plot({ title, unit, groups }: Bars): string {
  const names = [...new Set(groups.flatMap(({ parts }) => parts.map(({ name }) => name)))];
  const colour = (name: string) => COLOURS[names.indexOf(name) % COLOURS.length];
  const sum = (parts: Bars["groups"][number]["parts"]) =>
    parts.reduce((total, { value }) => total + value, 0);
  const most = Math.max(...groups.map(({ parts }) => sum(parts)));
  const scale = (WIDTH - LEFT - RIGHT) / most;
  const rows = groups.map(({ name, parts }, row) => {
    const y = TOP + row * ROW;
    let x = LEFT;
    const rects = parts.map(({ name: part, value }) => {
      const width = value * scale;
      const rect = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="22" fill="${colour(part)}"/>`;
      x += width;
      return rect;
    });
    const label = `<text x="${LEFT - 8}" y="${y + 16}" text-anchor="end">${escaped(name)}</text>`;
    const total = `<text x="${(x + 6).toFixed(1)}" y="${y + 16}">${sum(parts).toFixed(2)}</text>`;
    return [label, ...rects, total].join("");
  });
  const perLine = 3;
  const legendTop = TOP + groups.length * ROW + 14;
  const legend = names.map((name, index) => {
    const x = 20 + (index % perLine) * ((WIDTH - 40) / perLine);
    const y = legendTop + Math.floor(index / perLine) * 22;
    return `<rect x="${x.toFixed(1)}" y="${y}" width="14" height="14" fill="${colour(name)}"/><text x="${(x + 20).toFixed(1)}" y="${y + 12}">${escaped(name)}</text>`;
  });
  const height = legendTop + Math.ceil(names.length / perLine) * 22 + 10;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title" font-family="sans-serif" font-size="13">`,
    `<title id="title">${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    `<text x="20" y="28" font-size="16" font-weight="bold">${escaped(title)}</text>`,
    `<text x="20" y="48" fill="#555">${escaped(unit)}</text>`,
    ...rows,
    ...legend,
    "</svg>",
    "",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
