import { DevalueError, parse, stringify, unflatten } from "devalue";
import { CodecError, messageOf } from "./errors.ts";
import { decodeFlat, encodeFlat } from "./flat-codec.ts";
import { CircularError, isPlain, walk } from "./value-walk.ts";

/** Deepest nesting of a value. */
const MAX_DEPTH = 20_000;
/** Deepest nesting that is encoded in one piece: the library recurses, and a stored value must be readable on any stack. */
const PIECE_DEPTH = 400;
/** First character of a text of several pieces. */
const PIECES = "~";
/** Stands for another piece inside a piece. */
const PIECE = "Piece";

/** What an error calls a value. */
type Named = string | (() => string);

function nameOf(what: Named): string {
  return typeof what === "string" ? what : what();
}

/**
 * A value as text. The same codec carries stored values, arguments and results.
 *
 * @param what names the value in the error, e.g. `the value for key "cart"`; called where naming costs something
 * @throws CodecError functions, class instances, symbols, promises, streams, circular structures, more than 20,000 levels;
 *   names the path
 */
export function encode(value: unknown, what: Named): string {
  try {
    const flat = encodeFlat(value);
    if (flat !== undefined) return flat;
    const depth = depthOf(value);
    if (depth > MAX_DEPTH) {
      throw new CodecError(
        `${nameOf(what)} can't be encoded: nested ${depth} levels deep; at most ${MAX_DEPTH} are allowed`,
      );
    }
    return depth <= PIECE_DEPTH ? stringify(value, undefined, OPTIONS) : encodeDeep(value);
  } catch (error) {
    if (error instanceof CodecError) throw error;
    const refused = (path: string, kind: string) =>
      new CodecError(`${nameOf(what)} can't be encoded at $${path}: ${kind}`);
    if (error instanceof CircularError) throw refused(error.path, "a circular reference");
    if (error instanceof DevalueError) throw refused(error.path ?? "", kindOf(error.value));
    throw new CodecError(`${nameOf(what)} can't be encoded: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The value that `text` stands for; a fresh copy with each call.
 *
 * @throws CodecError the text is not what `encode` produces
 */
export function decode(text: string, what: Named): unknown {
  try {
    if (text.startsWith(PIECES)) return decodeDeep(text);
    const parsed: unknown = JSON.parse(text);
    const flat = decodeFlat(parsed);
    return flat ? flat.value : unflatten(parsed as number | unknown[]);
  } catch (error) {
    throw new CodecError(`${nameOf(what)} can't be decoded: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * A view goes out with the bytes it shows and no others: its buffer may be a pool that holds the bytes
 * of strangers (Node's `Buffer` is such a view).
 */
const OPTIONS = {
  operations: {
    viewInfo(view: ArrayBufferView) {
      const { buffer, byteOffset, byteLength } = view;
      return {
        buffer: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
        byteOffset: 0,
        byteLength,
        bufferByteLength: byteLength,
        length: "length" in view ? (view.length as number) : byteLength,
      };
    },
  },
};

function depthOf(value: unknown): number {
  let deepest = 0;
  walk(value, {
    enter: (_, depth) => {
      deepest = Math.max(deepest, depth + 1);
    },
  });
  return deepest;
}

/** Cuts a deep value at every so many levels, and where a container is shared; each piece names those inside it by number. */
function encodeDeep(value: unknown): string {
  const shared = new Set<object>();
  walk(value, { again: (container) => shared.add(container) });
  const pieces: object[] = [];
  walk(value, {
    leave: (container, depth) => {
      if (depth % PIECE_DEPTH === 0 || shared.has(container)) pieces.push(container);
    },
  });
  const numbers = new Map(pieces.map((piece, number) => [piece, number]));
  const texts = pieces.map((piece) => {
    const reference = (each: object) => each !== piece && numbers.has(each) && [numbers.get(each)];
    try {
      return stringify(piece, { [PIECE]: reference }, OPTIONS);
    } catch (error) {
      if (error instanceof DevalueError) error.path = pathTo(piece, value) + (error.path ?? "");
      throw error;
    }
  });
  return PIECES + JSON.stringify(texts);
}

function pathTo(container: object, root: unknown): string {
  let found = "";
  walk(root, {
    leave: (each, _, path) => {
      if (each === container) found = path();
    },
  });
  return found;
}

/** Pieces come before those that name them; the last one is the value. */
function decodeDeep(text: string): unknown {
  const texts: unknown = JSON.parse(text.slice(PIECES.length));
  if (!Array.isArray(texts) || texts.length === 0) throw new Error("no pieces");
  const pieces: unknown[] = [];
  const reference = (named: unknown) => {
    const number: unknown = Array.isArray(named) ? named[0] : undefined;
    if (typeof number !== "number" || !(number in pieces)) throw new Error("a piece that is not there");
    return pieces[number];
  };
  for (const piece of texts) pieces.push(parse(String(piece), { [PIECE]: reference }));
  return pieces.at(-1);
}

function kindOf(value: unknown): string {
  if (typeof value === "function") return `a function${value.name ? ` (${value.name})` : ""}`;
  if (typeof value === "symbol") return "a symbol";
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  if (typeof (value as { then?: unknown }).then === "function") return "a promise; await it first";
  if (isPlain(value)) return "an object with a symbol or __proto__ key";
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return `an instance of ${name || "a class"}; store a plain object instead`;
}
