import type { ActorId, Envelope, TraceContext } from "./mailbox.ts";

/** How something ended that a span is about. */
export interface Ended {
  readonly ok: boolean;
  readonly error?: { readonly name: string };
}

/** A call or a message, as its sender sees it. */
export interface Sent {
  readonly to: ActorId;
  readonly method: string;
  /** The trace that it belongs to, if no span is active. */
  readonly trace: TraceContext | undefined;
}

/** Makes spans, and says which trace an envelope carries. Where there is none, envelopes carry what came in. */
export interface Tracer {
  /** A request at a front door: what it calls belongs to its span. @param trace what the client said */
  request<T>(
    what: { readonly name: string; readonly trace: TraceContext | undefined },
    run: () => Promise<T>,
    ended: (result: T) => Ended,
  ): Promise<T>;
  /** A call, until its answer is there. @param run is given what its envelope carries */
  call<T extends Ended>(what: Sent, run: (trace: TraceContext | undefined) => Promise<T>): Promise<T>;
  /** A one-way message. @returns what its envelope carries */
  send(what: Sent): TraceContext | undefined;
  /** A turn, from its beginning to the end of user code, which finds the span active. */
  turn<T>(envelope: Envelope, run: () => Promise<T>, ended: (result: T) => Ended): Promise<T>;
  /** Resolves when the spans that have ended are handed on. */
  flush(): Promise<void>;
}
