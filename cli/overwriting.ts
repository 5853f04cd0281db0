import { holdsAnything } from "../runtime/core/directory.ts";
import type { Snapshot } from "../runtime/ports/directory.ts";
import type { ActorId } from "../runtime/ports/mailbox.ts";
import { CommandError } from "./command-error.ts";
import type { InstanceFile } from "./instance-file.ts";
import type { Place } from "./place.ts";
import { shownName } from "./shown.ts";
import { findSnapshot } from "./snapshot.ts";

/** How often an instance that commits meanwhile is looked at again, when nobody has looked at it before. */
const TRIES = 5;

export interface Replacement {
  /** What the instance holds afterwards; `undefined`: nothing. */
  readonly with: Pick<InstanceFile, "values" | "alarm"> | undefined;
  /** Asks whether what it holds now may go: "3 keys and its alarm". Throws when it may not. */
  readonly ask: (held: string) => Promise<void>;
  /** The error for an instance that holds nothing; without it there is nothing to ask then. */
  readonly nothing?: () => Promise<CommandError>;
}

/**
 * Replaces what an instance holds, as it was when somebody looked at it. What was agreed to is what goes: when the instance
 * has changed since, nothing is written.
 *
 * @returns the version afterwards, and what it held before
 * @throws CommandError
 */
export async function replace(
  { place, id, yes }: { place: Place; id: ActorId; yes: boolean },
  { with: file, ask, nothing }: Replacement,
): Promise<{ version: number; held: string }> {
  for (let tries = 1; ; tries++) {
    const snapshot = await findSnapshot(place, id);
    const holds = snapshot !== undefined && holdsAnything(snapshot.head);
    if (!holds && nothing !== undefined) throw await nothing();
    const held = heldBy(snapshot);
    if (holds && !yes) await ask(held);
    const expected = snapshot?.head.version ?? 0;
    const { values = new Map<string, string>(), alarm } = file ?? {};
    const { status } = await place.overwrite(id, { expected, values, alarm });
    if (status === "committed") return { version: expected + 1, held };
    if (!yes || tries === TRIES) {
      throw new CommandError(
        `${id.type} ${shownName(id.name)} has changed since it was looked at (it was at version ${expected}), and nothing was written: look again, or do it when fewer calls come in`,
      );
    }
  }
}

function heldBy(snapshot: Snapshot | undefined): string {
  const keys = snapshot?.values.size ?? 0;
  return `${keys} ${keys === 1 ? "key" : "keys"}${snapshot?.head.alarm === undefined ? "" : " and its alarm"}`;
}
