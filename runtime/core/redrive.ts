import type { Envelope } from "../ports/mailbox.ts";
import { NO_DEADLINE } from "./deadline.ts";
import { keptId, messageId } from "./envelope-id.ts";
import { digest } from "./fingerprint.ts";
import { isWake } from "./wake.ts";

/**
 * The envelope in which a dead letter goes back into its mailbox.
 *
 * - Nobody has answered it: it keeps its id, under which whoever runs it finds what was settled. It is an attempt of its own, so that no
 *   mailbox takes it for the first one, which it may have taken minutes ago.
 * - It was given up, and its caller told that it has failed: it is a call of its own that nobody waits for. The same dead letter
 *   always becomes the same call, so that putting it back twice applies it once.
 */
export function redriven(
  envelope: Envelope,
  { givenUp, fresh }: { givenUp: boolean; fresh: string },
): Envelope {
  if (isWake(envelope)) return { ...envelope, attempt: fresh };
  // Nobody waits any more; and whoever puts a dead letter back wants it to run, however late.
  const again = { ...envelope, deadline: NO_DEADLINE, chain: [] };
  if (!givenUp) return { ...again, attempt: fresh };
  const id = digest(["redriven", messageId(envelope)], "base64url").slice(0, 22);
  return { ...again, id: keptId(id), attempt: fresh, awaited: false, due: undefined };
}
