import { SnapshotError } from "../runtime/core/directory.ts";
import type { Snapshot } from "../runtime/ports/directory.ts";
import type { ActorId } from "../runtime/ports/mailbox.ts";
import { CommandError } from "./command-error.ts";
import { type ReadablePlace, typeHint } from "./place.ts";
import { shownName } from "./shown.ts";

/**
 * What an instance holds.
 *
 * @throws CommandError there is no such instance, or it is too busy to be read
 */
export async function snapshotOf(place: ReadablePlace, id: ActorId): Promise<Snapshot> {
  const snapshot = await findSnapshot(place, id);
  if (snapshot !== undefined) return snapshot;
  throw new CommandError(
    `there is no ${id.type} ${shownName(id.name)} in ${place.label}${await typeHint(place, id.type)}; actors list shows what there is`,
  );
}

/**
 * The same, or `undefined` when nothing was ever committed.
 *
 * @throws CommandError it is too busy to be read
 */
export async function findSnapshot({ directory }: ReadablePlace, id: ActorId): Promise<Snapshot | undefined> {
  try {
    return await directory.snapshot(id);
  } catch (error) {
    throw error instanceof SnapshotError ? new CommandError(error.message, { cause: error }) : error;
  }
}
