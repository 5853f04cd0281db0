import { delegate } from "./delegation.ts";

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
    partsOf = (response) => (response.#genuine ? undefined : response.#parts);
    delegate(LightResponse.prototype, {
      genuine: GenuineResponse.prototype,
      behind: (response) => response.#asGenuine(),
    });
  }

  #parts: LightParts;
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
    if (this.#genuine) return this.#genuine.headers;
    const { headers } = this.#parts;
    if (typeof headers !== "string") return headers;
    const named = new Headers({ "content-type": headers });
    this.#parts = { ...this.#parts, headers: named };
    return named;
  }

  #asGenuine(): Response {
    const { headers, status } = this;
    this.#genuine ??= new GenuineResponse(this.#parts.text, { status, headers });
    return this.#genuine;
  }
}

export function lightResponse(parts: LightParts): Response {
  return new LightResponse(parts) as unknown as Response;
}

/** What a light response is made of; `undefined`: it is none, or is none any more. */
export function lightParts(response: Response): LightParts | undefined {
  return response instanceof LightResponse ? partsOf(response) : undefined;
}

/** Whether a response is light: its body is text, and its type is always said. */
export function isLight(response: Response): boolean {
  return response instanceof LightResponse;
}
