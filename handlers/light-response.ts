import { delegate } from "./delegation.ts";
import { join, joinable, lightHeaders } from "./light-headers.ts";

const GenuineResponse = globalThis.Response;

/** What a light response is made of. */
export interface LightParts {
  readonly status: number;
  readonly text: string;
  /** The type of the body, where no headers are given; they name it, too. */
  readonly headers: Headers | string;
}

/** What a light response is made of, as long as it has not become the platform's own. */
let partsOf: (response: LightResponse) => LightParts | undefined;

/** A response whose body is text. It becomes the platform's own where more is asked than its status and its headers. */
class LightResponse {
  static {
    partsOf = (response) => {
      if (response.#genuine) return undefined;
      const taken = response.#headers;
      return taken ? { ...response.#parts, headers: taken } : response.#parts;
    };
    delegate(LightResponse.prototype, {
      genuine: GenuineResponse.prototype,
      behind: (response) => response.#asGenuine(),
    });
  }

  readonly #parts: LightParts;
  /** Those that somebody has asked for, and may change. */
  #headers: Headers | undefined;
  #genuine: Response | undefined;

  constructor(parts: LightParts) {
    this.#parts = parts;
  }

  get status(): number {
    return this.#parts.status;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get headers(): Headers {
    const { headers } = this.#parts;
    this.#headers ??=
      typeof headers === "string" ? lightHeaders(["content-type", headers]) : joinable(headers);
    return this.#headers;
  }

  #asGenuine(): Response {
    if (this.#genuine) return this.#genuine;
    const { status, text } = this.#parts;
    const { headers } = this;
    // Bytes: text would say its type again where somebody has taken that away.
    const genuine = new GenuineResponse(Buffer.from(text), { status, headers: [...headers] });
    join(headers, genuine.headers);
    this.#genuine = genuine;
    return genuine;
  }
}

export function lightResponse(parts: LightParts): Response {
  return new LightResponse(parts) as unknown as Response;
}

/** What a light response is made of; `undefined`: it is none, or is none any more. */
export function lightParts(response: Response): LightParts | undefined {
  return response instanceof LightResponse ? partsOf(response) : undefined;
}
