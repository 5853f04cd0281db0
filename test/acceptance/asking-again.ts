import type { ApiAnswer, SendRequest } from "../endpoints/api-client.ts";

// A busy machine may take longer for one call than a router waits for it. That a call was late is no outcome: callers ask again.

/** How often a call is made at most: one that is late each time is stuck. */
const MOST_TIMES = 5;

/** How a call is asked for once more: by its id, or, where nothing can have run, as another call. */
interface Again {
  readonly envelopeId: string | undefined;
}

/** Makes a call until its outcome is known, or gives back the last answer of too many. `next` tells of what came whether that was none. */
async function untilKnown<T>(
  ask: (envelopeId: string | undefined) => Promise<T>,
  next: (answer: T) => Again | undefined,
): Promise<T> {
  let again: Again | undefined = { envelopeId: undefined };
  for (let times = 1; ; times++) {
    const answer: T = await ask(again.envelopeId);
    again = next(answer);
    if (!again || times === MOST_TIMES) return answer;
  }
}

function afterError(name: string, envelopeId: string | undefined): Again | undefined {
  if (name === "ActorCallTimeoutError" && envelopeId !== undefined) return { envelopeId };
  // It came to its instance after its deadline, and did not run.
  if (name === "ActorDeadlineError") return { envelopeId: undefined };
  return undefined;
}

/** What a gateway answers when its function did not. */
const GATEWAY = new Set([502, 503, 504]);

/** Requests to the built-in door, made until the outcome of their call is known. */
export function insisting(request: SendRequest): SendRequest {
  return (method, path, body, headers = {}) => {
    // Whoever has a key asks by it.
    const hasKey = headers["idempotency-key"] !== undefined;
    return untilKnown<ApiAnswer>(
      (envelopeId) =>
        request(method, path, body, {
          ...headers,
          ...(envelopeId !== undefined && !hasKey && { "envelope-id": envelopeId }),
        }),
      ({ status, text }) => {
        if (!GATEWAY.has(status)) return undefined;
        const error = runtimeError(text);
        if (error) return afterError(error.name, error.envelope);
        return hasKey ? { envelopeId: undefined } : undefined;
      },
    );
  };
}

/** The error in an answer of the door; none in one of a gateway. */
function runtimeError(text: string): { readonly name: string; readonly envelope?: string } | undefined {
  try {
    return JSON.parse(text).error;
  } catch {
    return undefined;
  }
}

/**
 * A call through a stub, made until its outcome is known.
 *
 * @param ask makes the call, with the envelope's id where it is asked for once more
 */
export async function insist<T>(ask: (envelopeId: string | undefined) => Promise<T>): Promise<T> {
  type Ending = { readonly result: T } | { readonly error: Error & { envelopeId?: string } };
  const ending = await untilKnown<Ending>(
    (envelopeId) =>
      ask(envelopeId).then(
        (result) => ({ result }),
        (error) => ({ error }),
      ),
    (ending) => ("error" in ending ? afterError(ending.error.name, ending.error.envelopeId) : undefined),
  );
  if ("error" in ending) throw ending.error;
  return ending.result;
}
