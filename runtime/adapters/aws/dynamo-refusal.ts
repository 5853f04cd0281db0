import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
} from "@aws-sdk/client-dynamodb";
import type { Clock } from "../../ports/clock.ts";
import { pause } from "./pause.ts";

/** Why DynamoDB turns a write away that may pass a moment later. The SDK does not try these again by itself. */
const PASSING = new Set(["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]);
const TRIES = 6;

/** Sends a write again, with growing gaps of 3 s in all, while DynamoDB only turns it away for the moment. */
export async function patiently<T>(clock: Clock, write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await write();
    } catch (error) {
      if (tries === TRIES || !isPassing(error)) throw error;
      await pause(clock, 50 * 2 ** tries);
    }
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof TransactionConflictException) return true;
  if (!(error instanceof TransactionCanceledException)) return false;
  const reasons = (error.CancellationReasons ?? []).map(({ Code }) => Code ?? "None");
  const refusals = reasons.filter((code) => code !== "None");
  return refusals.length > 0 && refusals.every((code) => PASSING.has(code));
}

/** Whether a write was refused because its condition on the head does not hold; in a transaction the head comes first. */
export function isHeadConditionFailed(error: unknown): boolean {
  if (error instanceof ConditionalCheckFailedException) return true;
  return (
    error instanceof TransactionCanceledException &&
    error.CancellationReasons?.[0]?.Code === "ConditionalCheckFailed"
  );
}
