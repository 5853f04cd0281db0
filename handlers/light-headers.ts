import { delegate } from "./delegation.ts";

/** What names a header. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** Makes the platform's own headers those behind light ones. */
let putBehind: (headers: LightHeaders, genuine: Headers) => void;

/** Headers as a Node server has read them, name after value; they become the platform's own where more is asked than one of them. */
class LightHeaders {
  static {
    delegate(LightHeaders.prototype, {
      genuine: Headers.prototype,
      behind: (headers) => headers.#asGenuine(),
    });
    putBehind = (headers, genuine) => {
      headers.#genuine = genuine;
    };
  }

  readonly #raw: readonly string[];
  #genuine: Headers | undefined;

  constructor(raw: readonly string[], genuine?: Headers) {
    this.#raw = raw;
    this.#genuine = genuine;
  }

  get(name: string): string | null {
    return this.#genuine ? this.#genuine.get(name) : this.#find(name);
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  #asGenuine(): Headers {
    if (this.#genuine) return this.#genuine;
    this.#genuine = new Headers();
    for (let at = 0; at < this.#raw.length; at += 2)
      this.#genuine.append(this.#raw[at] as string, this.#raw[at + 1] as string);
    return this.#genuine;
  }

  #find(name: string): string | null {
    const wanted = String(name).toLowerCase();
    let found: string | null = null;
    for (let at = 0; at < this.#raw.length; at += 2) {
      const each = this.#raw[at] as string;
      if (each.length !== wanted.length || each.toLowerCase() !== wanted) continue;
      const value = this.#raw[at + 1] as string;
      found = found === null ? value : `${found}${wanted === "cookie" ? "; " : ", "}${value}`;
    }
    // What can't be a name is refused by the platform.
    return found === null && !TOKEN.test(wanted) ? this.#asGenuine().get(name) : found;
  }
}

/** @param raw names and values in turn */
export function lightHeaders(raw: readonly string[]): Headers {
  return new LightHeaders(raw) as unknown as Headers;
}

/** Headers that can be joined with others later. */
export function joinable(headers: Headers): Headers {
  return new LightHeaders([], headers) as unknown as Headers;
}

/** From now on a change of one is a change of the other: who holds the light ones need not learn that there are others. */
export function join(light: Headers, genuine: Headers): void {
  if (light instanceof LightHeaders) putBehind(light, genuine);
}
