import { messageOf, stackOf } from "../runtime/core/errors.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";

/**
 * Keeps the process alive when user code leaves a rejected promise behind: its turn has ended, and ending the
 * process would fail the turns of other instances.
 *
 * @returns removes the listener again
 */
export function surviveStrayRejections(telemetry: Telemetry): () => void {
  const listener = (reason: unknown) => {
    telemetry.problem("stray rejection", {
      reason: messageOf(reason),
      stackTrace: stackOf(reason),
    });
  };
  process.on("unhandledRejection", listener);
  return () => void process.off("unhandledRejection", listener);
}

/** The same on Lambda, whose own listener ends the process. */
export function surviveStrayRejectionsOnLambda(telemetry: Telemetry): void {
  process.removeAllListeners("unhandledRejection");
  surviveStrayRejections(telemetry);
}
