import { DevalueError, parse, stringify } from "devalue";
import { CodecError } from "./errors.ts";

/**
 * A value as text. The same codec carries stored values, arguments and results.
 *
 * @param what names the value in the error, e.g. `the value for key "cart"`
 * @throws CodecError functions, class instances, symbols, promises, streams, circular structures; names the path
 */
export function encode(value: unknown, what: string): string {
  refuseCircular(value, what);
  try {
    return stringify(value, undefined, { operations: { viewInfo: ownBytesOnly } });
  } catch (error) {
    if (error instanceof DevalueError) {
      throw new CodecError(`${what} can't be encoded at ${pathText(error.path)}: ${kindOf(error.value)}`);
    }
    if (error instanceof RangeError) throw new CodecError(`${what} can't be encoded: nested too deeply`);
    throw new CodecError(`${what} can't be encoded: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

/**
 * The value that `text` stands for; a fresh copy with each call.
 *
 * @throws CodecError the text is not what `encode` produces
 */
export function decode(text: string, what: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new CodecError(`${what} can't be decoded: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

/**
 * A view goes out with the bytes it shows and no others: its buffer may be a pool that holds the bytes
 * of strangers (Node's `Buffer` is such a view).
 */
function ownBytesOnly(view: ArrayBufferView) {
  const { buffer, byteOffset, byteLength } = view;
  return {
    buffer: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
    byteOffset: 0,
    byteLength,
    bufferByteLength: byteLength,
    length: "length" in view ? (view.length as number) : byteLength,
  };
}

interface Visit {
  readonly children: Iterator<readonly [segment: string, child: object]>;
  readonly segment: string;
  readonly value: object;
}

/** Depth first without recursion, so that depth costs no stack; `open` holds the ancestors. */
function refuseCircular(root: unknown, what: string): void {
  if (!isContainer(root)) return;
  const open = new Set<object>([root]);
  const closed = new Set<object>();
  const stack: Visit[] = [{ children: containersIn(root), segment: "", value: root }];
  for (let visit = stack.at(-1); visit; visit = stack.at(-1)) {
    const next = visit.children.next();
    if (next.done) {
      stack.pop();
      open.delete(visit.value);
      closed.add(visit.value);
      continue;
    }
    const [segment, child] = next.value;
    if (open.has(child)) {
      const path = [...stack.map((each) => each.segment), segment].join("");
      throw new CodecError(`${what} can't be encoded at ${pathText(path)}: a circular reference`);
    }
    if (closed.has(child)) continue;
    open.add(child);
    stack.push({ children: containersIn(child), segment, value: child });
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
}

function* containersIn(value: object): Generator<readonly [string, object]> {
  if (value instanceof Map) {
    for (const [key, each] of value) {
      const segment = `.get(${typeof key === "string" ? JSON.stringify(key) : String(typeof key)})`;
      if (isContainer(key)) yield [segment, key];
      if (isContainer(each)) yield [segment, each];
    }
  } else if (value instanceof Set) {
    for (const each of value) if (isContainer(each)) yield [".values()", each];
  } else if (Array.isArray(value)) {
    for (const index in value) {
      const each = value[index];
      if (isContainer(each)) yield [`[${index}]`, each];
    }
  } else if (isPlain(value)) {
    for (const key in value) {
      const each = (value as Record<string, unknown>)[key];
      if (isContainer(each))
        yield [/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`, each];
    }
  }
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function pathText(path: string | undefined): string {
  return path ? `$${path}` : "$";
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
