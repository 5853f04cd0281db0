import type { IncomingMessage, ServerResponse } from "node:http";

export interface RequestBounds {
  /** Requests under way at once. */
  readonly requests: number;
  /** Bytes of their bodies together, as announced. */
  readonly bodyBytes: number;
  /** What a body counts whose length is not announced: the largest that is taken. */
  readonly unknownBodyBytes: number;
}

/** The room for requests in one process: each has its place until its answer is sent, or its client is gone. */
export class RequestRoom {
  readonly #bounds: RequestBounds;
  #requests = 0;
  #bodyBytes = 0;

  constructor(bounds: RequestBounds) {
    this.#bounds = bounds;
  }

  /** How many have a place. */
  get underWay(): number {
    return this.#requests;
  }

  /** Takes a place for the request until its response is closed. @returns false when there is none */
  enter(request: IncomingMessage, response: ServerResponse): boolean {
    const bytes = this.#bodyBytesOf(request);
    const { requests, bodyBytes } = this.#bounds;
    if (this.#requests >= requests || this.#bodyBytes + bytes > bodyBytes) return false;
    this.#requests++;
    this.#bodyBytes += bytes;
    response.on("close", () => {
      this.#requests--;
      this.#bodyBytes -= bytes;
    });
    return true;
  }

  #bodyBytesOf({ headers }: IncomingMessage): number {
    const { unknownBodyBytes } = this.#bounds;
    if (headers["transfer-encoding"] !== undefined) return unknownBodyBytes;
    // What is larger is refused for its size, and never held.
    return Math.min(Number(headers["content-length"] ?? 0) || 0, unknownBodyBytes);
  }
}
