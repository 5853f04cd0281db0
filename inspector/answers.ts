// What the API under /__actors/api answers, as the server makes it.

export interface Failure {
  readonly name: string;
  readonly message: string;
}

export interface ProjectAnswer {
  readonly types: readonly {
    readonly type: string;
    readonly methods: readonly string[];
    readonly here: boolean;
  }[];
  readonly mistake?: Failure;
}

export interface ListAnswer {
  readonly instances: readonly {
    readonly name: string;
    readonly version: number;
    readonly alarm?: number;
    readonly depth: number;
  }[];
  readonly more: boolean;
}

export interface InstanceAnswer {
  readonly type: string;
  readonly name: string;
  /** The server's clock, in ms since the epoch. */
  readonly now: number;
  readonly version: number;
  readonly depth: number;
  readonly alarm: { readonly at: number; readonly retries: number } | null;
  /** One-way messages that have not left. */
  readonly outbox: number;
  readonly keys: readonly { readonly key: string; readonly bytes: number; readonly value: string }[];
  readonly more: boolean;
}

export type CallAnswer =
  | { readonly ok: true; readonly result: string }
  | { readonly ok: false; readonly error: Failure };

export interface Turn {
  readonly number: number;
  readonly at: number;
  readonly ms: number;
  readonly type: string;
  readonly name: string;
  readonly method: string;
  readonly caller: string;
  readonly error?: Failure;
  readonly ran: boolean;
  readonly version: number;
}

export interface TurnsEvent {
  readonly turns: readonly Turn[];
  /** Turns of which nothing else is told: there were too many. */
  readonly skipped: number;
}
