import fc from "fast-check";

/** Every run sees the same values; another seed is tried by hand. */
export const SEED = 20;

/** Names that mean something to JavaScript, to the runtime, or to a file system. */
export const LOADED_NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "isPrototypeOf",
  "__defineGetter__",
  "__lookupSetter__",
  "then",
  "toJSON",
  "Symbol(Symbol.iterator)",
  "@@iterator",
  "fetch",
  "alarm",
  "onAlarmDropped",
  "webSocket",
  "ctx",
  "env",
  "_private",
  "#secret",
  "length",
  "name",
  "call",
  "apply",
  "bind",
  "with",
  "send",
  "id",
  "..",
  ".",
  "",
  " ",
  "%2F",
  "a/b",
  "../../etc/passwd",
  "\0",
  "\ud800",
  "é".repeat(512),
  "x".repeat(1025),
  "=key",
  "!1.1",
  "@e1:2",
  "head",
  "v/0/key",
];

export const loadedName = fc.oneof(
  fc.constantFrom(...LOADED_NAMES),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
);

/** A JSON value with loaded names as keys; texts and numbers at their ends. */
export const jsonValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.constantFrom(null, true, 0, -0, -1, 1e21, 2 ** 53, 4_294_967_295, 0.1),
      fc.integer(),
      loadedName,
      fc.string(),
    ),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.array(fc.tuple(loadedName, tie("value")), { maxLength: 4 }).map(toObject),
  ),
})).value;

/** `__proto__` becomes a property like any other, as JSON.parse makes it. */
function toObject(entries: readonly (readonly [string, unknown])[]): unknown {
  const object: unknown = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

interface Change {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const change = fc.record({
  at: fc.nat(10_000),
  remove: fc.nat(6),
  insert: fc.oneof(
    fc.constant(""),
    fc.constantFrom(
      "[",
      "]",
      "{",
      "}",
      '"',
      ",",
      ":",
      "\\",
      "\0",
      "-7",
      "4294967295",
      "1e999",
      '"__proto__":',
    ),
    loadedName,
  ),
});

/** One of the texts with some damage. */
export function mutated(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(texts, fc.array(change, { minLength: 1, maxLength: 4 })).map(([text, changes]) =>
    changes.reduce((damaged: string, { at, remove, insert }: Change) => {
      const place = damaged.length === 0 ? 0 : at % damaged.length;
      return damaged.slice(0, place) + insert + damaged.slice(place + remove);
    }, text),
  );
}

/** What every object of this process inherits; compared before and after, it tells whether anything was smuggled in. */
export function inherited(): string {
  const roots = [Object.prototype, Array.prototype, Function.prototype, Map.prototype, String.prototype];
  return roots.map((each) => Reflect.ownKeys(each).map(String).join()).join("\n");
}
