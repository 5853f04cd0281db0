import type { AttributeValue } from "@aws-sdk/client-dynamodb";

export type Item = Readonly<Record<string, AttributeValue>>;
type Values = Readonly<Record<string, AttributeValue>> | undefined;

/**
 * Whether a condition of DynamoDB holds for an item; only what the adapters write is understood.
 *
 * @param minds whether a term of it is looked at
 */
export function holds(
  condition: string,
  item: Item | undefined,
  { values, minds }: { values: Values; minds: (term: string) => boolean },
): boolean {
  const test = (term: string) => !minds(term) || holdsTerm(term, item, values);
  if (condition.includes(" OR ")) return condition.split(" OR ").some(test);
  return condition.split(" AND ").every(test);
}

function holdsTerm(term: string, item: Item | undefined, values: Values): boolean {
  const [, test, path] = /^(attribute_exists|attribute_not_exists)\((\w+)\)$/.exec(term) ?? [];
  if (path !== undefined) return (item?.[path] !== undefined) === (test === "attribute_exists");
  const [, left = "", sign, right = ""] = /^(\w+) (=|<>|<=|<|>=|>) (:\w+)$/.exec(term) ?? [];
  const value = values?.[right];
  if (sign === undefined || value === undefined) throw new Error(`the simulation knows no condition ${term}`);
  const attribute = item?.[left];
  if (sign === "<>") return attribute === undefined || scalar(attribute) !== scalar(value);
  if (attribute === undefined) return false;
  const [one, other] = [scalar(attribute), scalar(value)];
  if (sign === "=") return one === other;
  if (sign === "<=") return one <= other;
  if (sign === ">=") return one >= other;
  return sign === "<" ? one < other : one > other;
}

/** The item after an update expression; only what the adapters write is understood. */
export function updated(expression: string, item: Item, values: Values): Item {
  const result: Record<string, AttributeValue> = { ...item };
  const clauses = expression.split(/\s*\b(SET|REMOVE)\b\s*/).slice(1);
  for (let index = 0; index < clauses.length; index += 2) {
    for (const action of (clauses[index + 1] ?? "").split(/\s*,\s*/)) {
      if (clauses[index] === "REMOVE" && /^\w+$/.test(action)) {
        delete result[action];
        continue;
      }
      const [, path, name = ""] = /^(\w+) = (:\w+)$/.exec(action) ?? [];
      const value = values?.[name];
      if (clauses[index] !== "SET" || path === undefined || value === undefined) {
        throw new Error(`the simulation knows no update ${expression}`);
      }
      result[path] = value;
    }
  }
  return result;
}

function scalar(value: AttributeValue): string | number {
  if (value.N !== undefined) return Number(value.N);
  if (value.S !== undefined) return value.S;
  throw new Error(`the simulation compares no ${JSON.stringify(value)}`);
}
