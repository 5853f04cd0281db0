import type { Eventual } from "../ports/eventual.ts";

/**
 * Whether it comes later. It is not told by its class: a project may have put another one in the place of `Promise`, and async functions go on
 * returning the old one.
 */
export function isLater<T>(value: Eventual<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>> | null | undefined)?.then === "function";
}
