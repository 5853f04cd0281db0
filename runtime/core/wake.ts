import type { Wake } from "../ports/alarm-clock.ts";
import type { ActorId, Envelope } from "../ports/mailbox.ts";
import { NO_DEADLINE } from "./deadline.ts";

/** First character of a wake's id: no caller's envelope may have it. */
const WAKE = "!";

/** The envelope in which a wake travels. The same wake has the same id, so that a mailbox drops its second copy. */
export function wakeEnvelope(to: ActorId, { at, version }: Wake): Envelope {
  return {
    id: `${WAKE}${version.toString(36)}.${at.toString(36)}`,
    attempt: undefined,
    to,
    call: { kind: "alarm", method: "alarm", args: String(version) },
    fingerprint: "",
    awaited: false,
    due: at,
    deadline: NO_DEADLINE,
    chain: [],
  };
}

/** Whether this can be the id of a wake. */
export function isWakeId(id: string): boolean {
  return /^![0-9a-z]+\.[0-9a-z.-]+$/.test(id);
}

/** Whether an envelope is a wake: it calls nothing, and nobody gets an answer. */
export function isWake({ call }: Envelope): boolean {
  return call.kind === "alarm";
}

/** The wake in such an envelope, or `undefined` when what it holds makes none. */
export function wakeOf({ call, due }: Envelope): Wake | undefined {
  const version = /^[1-9]\d*$/.test(call.args) ? Number(call.args) : Number.NaN;
  return due !== undefined && Number.isSafeInteger(version) ? { at: due, version } : undefined;
}
