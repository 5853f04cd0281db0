import type { Envelope } from "./mailbox.ts";

/** How user code, or what refused to run it, ended. */
export interface TurnEnd {
  /** What its caller gets, if it failed; of an alarm, what its handler threw. */
  readonly error: { readonly name: string; readonly message: string } | undefined;
  /** False when it was refused before user code ran. */
  readonly ran: boolean;
}

/** A turn that has begun. One whose commit is lost or unknown is never durable: it is run again. */
export interface ObservedTurn {
  ended(end: TurnEnd): void;
  /** What it changed is durable. @param version that of the instance's head from now on */
  durable(version: number): void;
}

/** Looks at turns as they run, for a developer; it must not throw. Nothing waits for it. */
export interface TurnObserver {
  began(envelope: Envelope): ObservedTurn;
}
