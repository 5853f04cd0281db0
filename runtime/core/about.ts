import type { Delivery, Envelope } from "../ports/mailbox.ts";
import type { ProblemDetail } from "../ports/telemetry.ts";
import type { Activation } from "./activation.ts";
import { traceIdOf } from "./trace-context.ts";

/** What a problem's line says of the message that it happened with. */
export function aboutEnvelope({ to, call, id, attempt, chain, trace }: Envelope): ProblemDetail {
  return {
    type: to.type,
    name: to.name,
    method: call.method,
    envelope: id,
    ...(attempt !== undefined && { attemptId: attempt }),
    ...(chain.length > 0 && { chain }),
    ...(trace !== undefined && { traceId: traceIdOf(trace) }),
  };
}

/** The same of a message as it was received. */
export function aboutDelivery({ envelope, receives }: Delivery): ProblemDetail {
  return { ...aboutEnvelope(envelope), receives };
}

/** What a problem's line says of an instance. */
export function aboutInstance({ id, state }: Activation): ProblemDetail {
  return { type: id.type, name: id.name, version: state.head.version };
}
