import type { Place, Reading } from "./ledger.ts";
import type { Operation } from "./programme.ts";

/** What a caller was told. */
export type Answer =
  | { readonly kind: "ok"; readonly value: unknown }
  | { readonly kind: "failed" | "refused" | "unknown"; readonly name: string };

/** One asking for an operation. */
export interface Asking {
  readonly operation: Operation;
  readonly start: number;
  end: number | undefined;
  answer: Answer | undefined;
}

/** Whether it is known how the call has ended. */
export function isFinal(answer: Answer | undefined): boolean {
  return answer?.kind === "ok" || answer?.kind === "failed";
}

export function describe(answer: Answer | undefined): string {
  if (!answer) return "nothing";
  if (answer.kind !== "ok") return `${answer.kind} ${answer.name}`;
  const value = answer.value as Partial<Place & Reading> | undefined;
  return value?.tag === undefined
    ? `ok ${value?.length} ${value?.last}`
    : `ok at ${value.place} after ${value.before}`;
}
