import type { Run, Violation } from "../run.ts";
import { checkAlarms } from "./alarms.ts";
import { checkEffects, checkOutcomes } from "./effects.ts";
import { checkMessages } from "./messages.ts";
import { checkOrder } from "./order.ts";

/** All that a run promises but its speed. */
export function checkSafety(run: Run): Violation[] {
  return [checkEffects, checkOutcomes, checkOrder, checkMessages, checkAlarms].flatMap((check) => check(run));
}
