import type { ConnectedActors } from "../runtime/client.ts";
import type { Overwrite } from "../runtime/core/overwrite.ts";
import type { DeadLetterQueue } from "../runtime/ports/dead-letters.ts";
import type { Directory } from "../runtime/ports/directory.ts";
import type { ActorId, Mailbox } from "../runtime/ports/mailbox.ts";
import type { CommitResult } from "../runtime/ports/store.ts";
import { nearest } from "./nearest.ts";

/** Where instances live, as an operator sees it: a state folder of the embedded server, or a deployed stack. */
export interface Place {
  /** What people call it. */
  readonly label: string;
  /** Reads only: nothing that runs notices. */
  readonly directory: Directory;
  /** Replaces all that an instance holds, if its version is still the expected one. */
  overwrite(id: ActorId, overwrite: Overwrite): Promise<CommitResult>;
  /**
   * @throws CommandError nothing runs there that takes calls
   */
  connect(): ConnectedActors;
  deadLetters(): Promise<DeadLetterDesk>;
  close(): void;
}

/** The part of a place that changes nothing. */
export type ReadablePlace = Pick<Place, "label" | "directory" | "close">;

export interface DeadLetterDesk {
  /** Where they go back to. */
  readonly mailbox: Pick<Mailbox, "send">;
  readonly queues: readonly DeadLetterQueue[];
}

/** What to say of a type that nothing was found of: " (did you mean Account?)", or nothing. */
export async function typeHint({ directory }: ReadablePlace, type: string): Promise<string> {
  const types = await directory.types();
  if (types.includes(type)) return "";
  const meant = nearest(type, types);
  if (meant !== undefined) return `; did you mean the type ${meant}?`;
  return types.length === 0 ? "" : `; the types here are ${types.join(", ")}`;
}
