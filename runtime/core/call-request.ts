import type { ActorId, Call } from "../ports/mailbox.ts";
import type { CallOptions } from "./call-options.ts";
import { encode } from "./codec.ts";
import { CodecError, messageOf } from "./errors.ts";
import { type FetchInput, type FetchOptions, readRequest } from "./fetch-call.ts";
import { fingerprintOf } from "./fingerprint.ts";

/** A call before it leaves: what is asked of whom, and how. */
export interface CallRequest {
  readonly to: ActorId;
  readonly call: Call;
  readonly fingerprint: string;
  readonly options: CallOptions;
  /** Aborted: nobody waits for the answer any more. The call may still run. */
  readonly signal: AbortSignal | undefined;
}

/**
 * @throws CodecError an argument can't travel; nothing was sent
 */
export function methodRequest(
  to: ActorId,
  { method, args, options }: { method: string; args: readonly unknown[]; options: CallOptions },
): CallRequest {
  const text = encodeArguments(args, `the arguments of ${method}`);
  return {
    to,
    call: { kind: "method", method, args: text },
    fingerprint: fingerprintOf(to, ["method", method, text]),
    options,
    signal: undefined,
  };
}

/**
 * @throws TypeError the input is no request
 */
export async function fetchRequest(
  to: ActorId,
  { input, init, options }: { input: FetchInput; init: FetchOptions | undefined; options: CallOptions },
): Promise<CallRequest> {
  const { request, signal } = await readRequest(input, init);
  // Headers differ between two tries at the same request: dates, traces.
  const asked = encodeArguments([request.method, request.url, request.body], "the request");
  return {
    to,
    call: { kind: "fetch", method: "fetch", args: encodeArguments([request], "the request") },
    fingerprint: fingerprintOf(to, ["fetch", asked]),
    options,
    signal,
  };
}

function encodeArguments(args: readonly unknown[], what: string): string {
  try {
    return encode(args, what);
  } catch (cause) {
    throw new CodecError(messageOf(cause), { effect: "refused" });
  }
}
