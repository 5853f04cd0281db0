import fc from "fast-check";
import type { Step } from "../projects/probe/src/script.ts";

/** One turn of a session: its steps, and what happens to the instance's memory after it. */
export interface SessionTurn {
  readonly steps: readonly Step[];
  readonly evict: boolean;
}

export interface TurnResult {
  readonly results?: unknown;
  readonly error?: string;
}

/** What storage promises, in the simplest form: one sorted list of keys. */
export class StorageModel {
  #committed = new Map<string, unknown>();

  run(steps: readonly Step[]): TurnResult {
    const draft = new Map(this.#committed);
    let poison: string | undefined;
    const results: unknown[] = [];
    for (const step of steps) {
      if (step[0] === "throw") return { error: poison ?? "ActorMethodError: thrown by the script" };
      if (step[0] === "transaction") {
        const inner = new Map(draft);
        const within = step[1].map((each) => each[0]);
        if (within.includes("throw")) {
          poison ??= "ActorOutputGateError: a transaction threw: thrown by the script";
          results.push("caught: thrown by the script");
          continue;
        }
        results.push(step[1].map((each) => apply(inner, each)));
        replace(draft, inner);
      } else {
        results.push(apply(draft, step));
      }
    }
    this.#committed = draft;
    return poison === undefined ? { results } : { error: poison };
  }
}

function replace(target: Map<string, unknown>, source: Map<string, unknown>): void {
  target.clear();
  for (const [key, value] of source) target.set(key, value);
}

/** JSON has no `undefined`: what there is not is `null` in an answer. */
function apply(map: Map<string, unknown>, step: Step): unknown {
  switch (step[0]) {
    case "get":
      return map.get(step[1]) ?? null;
    case "put":
      map.set(step[1], step[2]);
      return null;
    case "delete":
      return map.delete(step[1]);
    case "deleteAll":
      map.clear();
      return null;
    case "list": {
      const { prefix = "", start = "", startAfter, end, reverse = false, limit = 128 } = step[1] ?? {};
      const bytes = (key: string) => Buffer.from(key);
      const keys = [...map.keys()]
        .filter((key) => key.startsWith(prefix))
        .filter((key) => Buffer.compare(bytes(key), bytes(start)) >= 0)
        .filter((key) => startAfter === undefined || Buffer.compare(bytes(key), bytes(startAfter)) > 0)
        .filter((key) => end === undefined || Buffer.compare(bytes(key), bytes(end)) < 0)
        .sort((a, b) => Buffer.compare(bytes(a), bytes(b)));
      if (reverse) keys.reverse();
      return keys.slice(0, limit).map((key) => [key, map.get(key)]);
    }
    default:
      throw new Error(`the model has no step ${step[0]}`);
  }
}

const key = fc.constantFrom(
  "",
  "a",
  "a/1",
  "a/2",
  "ab",
  "b",
  "Z",
  "é",
  "\u{ff5e}",
  "😀",
  "😀/x",
  "\0",
  "zz",
  "__proto__",
);
/** Small ones live in the head, large ones in entries of their own, and keys move between the two. */
const value = fc.oneof(
  fc.constantFrom<unknown>(0, "", false, { a: [1] }),
  fc.integer({ min: 0, max: 2500 }).map((length) => "x".repeat(length)),
);
const options = fc.record(
  {
    prefix: fc.constantFrom("", "a", "a/", "😀", "é", "q"),
    start: key,
    startAfter: key,
    end: key,
    reverse: fc.boolean(),
    limit: fc.integer({ min: 1, max: 6 }),
  },
  { requiredKeys: [] },
);
const plainStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant("get" as const), key) },
  { weight: 6, arbitrary: fc.tuple(fc.constant("put" as const), key, value) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("delete" as const), key) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("list" as const), options) },
);
const throwStep: fc.Arbitrary<Step> = fc.constant(["throw"] as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: plainStep },
  { weight: 1, arbitrary: fc.constant(["deleteAll"] as const) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant("transaction" as const),
      fc.array(fc.oneof({ weight: 8, arbitrary: plainStep }, { weight: 1, arbitrary: throwStep }), {
        maxLength: 4,
      }),
    ),
  },
  { weight: 1, arbitrary: throwStep },
);

/** Random turns, some of which throw, with the memory lost between some of them. */
export const session: fc.Arbitrary<SessionTurn[]> = fc.array(
  fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 6 }), evict: fc.boolean() }),
  { minLength: 1, maxLength: 5 },
);
