import type { Item } from "./expressions.ts";
import type { Table } from "./table.ts";

/** The outcome text of a reply, also where it lies in parts; `undefined` where one is missing. */
export function filedText(item: Item, replies: Table): string | undefined {
  const text = item.outcome?.S ?? "";
  if (!isStashed(item)) return text;
  const [prefix = "", count = ""] = text.slice(1).split(":");
  const parts = Array.from(
    { length: Number(count) },
    (_, index) => replies.get({ id: { S: `${prefix}.${index}` } })?.outcome?.S,
  );
  return parts.includes(undefined) ? undefined : parts.join("");
}

export function isStashed({ outcome }: Item): boolean {
  return outcome?.S?.startsWith("@") ?? false;
}
