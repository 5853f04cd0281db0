import { actorIdOf } from "./actor-id.ts";
import { instanceHash } from "./instance-hash.ts";

/** How this package's own errors name an instance whose storage was used where it must not be. */
const SCOPE = /\b((?:storage|a transaction|blockConcurrencyWhile) of )([^\s"]+) "(.*?)"(?= was used )/gs;

/**
 * A text of this package's own errors without the names of instances: each has its hash in its place. What user code says of them in
 * its errors stays.
 *
 * @param keys of the instances that the text may be about
 */
export function hideNames(text: string, keys: readonly string[]): string {
  let hidden = text.replace(
    SCOPE,
    (_, what: string, type: string, name: string) => `${what}${shown({ type, name })}`,
  );
  // A name may begin with another one.
  for (const key of keys.toSorted((one, other) => other.length - one.length)) {
    hidden = hidden.replaceAll(key, shown(actorIdOf(key)));
  }
  return hidden;
}

function shown(id: { readonly type: string; readonly name: string }): string {
  return `${id.type}#${instanceHash(id)}`;
}
