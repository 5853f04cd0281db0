import type { Envelope } from "../ports/mailbox.ts";
import type { Route } from "./caller.ts";
import {
  ActorCallTimeoutError,
  ActorConnectionError,
  type ActorError,
  fromWireError,
  isActorErrorName,
} from "./errors.ts";

/** What another program's door said to an envelope; `unknown`: it may have taken it. */
export type DoorAnswer = { readonly outcome: string } | "sent" | "unknown";

/** What the router function is invoked with, instead of an HTTP event. */
export interface EnvelopeEvent {
  /** Envelope text. */
  readonly envelope: string;
  /** The sender's clock, in ms since the epoch: the envelope's times are meant by it. */
  readonly sentAt: number;
}

/** What the router function answers to it. */
export type EnvelopeAnswer =
  | { readonly outcome: string }
  | { readonly sent: true }
  | { readonly error: { readonly name: string; readonly message: string } };

/**
 * The way to instances behind another program's door: one exchange carries the envelope there and its outcome back.
 *
 * @param exchange throws an ActorError when nothing was sent; what else it throws leaves the outcome unknown
 */
export function createDoorRoute(exchange: (envelope: Envelope) => Promise<DoorAnswer>): Route {
  /** Exchanges under way, by the id of the attempt: two calls of one idempotency key have an answer each. */
  const answers = new Map<string, Promise<DoorAnswer>>();
  return {
    mailbox: {
      async send(envelope) {
        const answer = exchange(envelope);
        if (envelope.awaited) {
          // Looked at in `wait`, right after this.
          answer.catch(() => {});
          answers.set(envelope.attempt ?? envelope.id, answer);
        } else if ((await answer) === "unknown") {
          throw new Error("the other side did not say that the message is durable");
        }
      },
    },
    replies: {
      async wait(ids) {
        const attempt = ids.at(-1) ?? "";
        try {
          const answer = await answers.get(attempt);
          return typeof answer === "object" ? answer.outcome : undefined;
        } finally {
          answers.delete(attempt);
        }
      },
    },
  };
}

/** What an error that a door answered with means for the caller. */
export function doorError(error: {
  readonly name: string;
  readonly message: string;
}): ActorError | "unknown" {
  if (error.name === ActorCallTimeoutError.name) return "unknown";
  if (isActorErrorName(error.name)) return fromWireError({ ...error, effect: "refused" });
  return new ActorConnectionError(`the other side refused the call: ${error.message}`);
}
