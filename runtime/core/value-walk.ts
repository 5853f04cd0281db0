/** What a walk tells about the containers of a value: objects, arrays, maps and sets. */
interface Visitor {
  enter?(container: object, depth: number): void;
  /** After everything inside it. */
  leave?(container: object, depth: number, path: () => string): void;
  /** Met again, outside of itself. */
  again?(container: object): void;
}

/** A container that holds itself. */
export class CircularError extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`circular at ${path}`);
    this.path = path;
  }
}

interface Visit {
  readonly container: object;
  readonly segment: string;
  readonly inside: Iterator<readonly [segment: string, container: object]>;
}

/**
 * Walks a value depth first, each container once. Without recursion, so that depth costs no stack.
 *
 * @throws CircularError
 */
export function walk(root: unknown, visitor: Visitor): void {
  if (!isContainer(root)) return;
  const open = new Set<object>();
  const closed = new Set<object>();
  const stack: Visit[] = [];
  const pathOf = (segment: string) => [...stack.map((each) => each.segment), segment].join("");
  const enter = (container: object, segment: string) => {
    visitor.enter?.(container, stack.length);
    open.add(container);
    stack.push({ container, segment, inside: containersIn(container) });
  };

  enter(root, "");
  for (let visit = stack.at(-1); visit; visit = stack.at(-1)) {
    const next = visit.inside.next();
    if (next.done) {
      stack.pop();
      open.delete(visit.container);
      closed.add(visit.container);
      visitor.leave?.(visit.container, stack.length, () => pathOf(visit.segment));
      continue;
    }
    const [segment, container] = next.value;
    if (open.has(container)) {
      throw new CircularError(pathOf(segment));
    }
    if (closed.has(container)) visitor.again?.(container);
    else enter(container, segment);
  }
}

/** Whether the object is a plain one, not an instance of a class. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
}

function* containersIn(value: object): Generator<readonly [string, object]> {
  if (value instanceof Map) {
    for (const [key, each] of value) {
      const segment = `.get(${typeof key === "string" ? JSON.stringify(key) : typeof key})`;
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
      if (isContainer(each)) {
        yield [/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`, each];
      }
    }
  }
}
