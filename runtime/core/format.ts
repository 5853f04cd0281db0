import { ActorFormatError } from "./errors.ts";

/**
 * The forms that one kind of text has had, by number. Whoever reads knows all of them up to the newest; a text of a later one was
 * written by a later version of this package, and whoever meets it leaves it as it is.
 *
 * A form that is new is read one release before it is written, so that a release can be rolled back to the one before it.
 */
export interface Format {
  /** What is read, for the message: "an envelope". */
  readonly what: string;
  /** The first one that can still be read. */
  readonly oldest: number;
  /** The last one that can be read. */
  readonly newest: number;
  /** The one that is written; not after `newest`. */
  readonly written: number;
  /** What to do about a newer one, for the message. */
  readonly cure: string;
  /** What it means for the call that has to do with the text. */
  readonly effect: "refused" | "unknown";
}

/** Whether a text of this form can be read here, or is too new; `none`: it is no form at all, or one that is not read any more. */
export function ageOf({ oldest, newest }: Format, found: unknown): "readable" | "newer" | "none" {
  if (!Number.isSafeInteger(found)) return "none";
  const number = found as number;
  if (number > newest) return "newer";
  return number >= oldest ? "readable" : "none";
}

/** What is thrown by whoever meets a form that is too new. */
export function newerFormat({ what, newest, cure, effect }: Format, found: unknown): ActorFormatError {
  return new ActorFormatError(
    `${what} has the format ${found}, and this version of stateful-actors reads up to ${newest}: ${cure}`,
    { effect },
  );
}
