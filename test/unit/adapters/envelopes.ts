import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";

/** A call to instance `name` that somebody waits for. */
export function awaitedCall(name: string, id: string, deadline: number): Envelope {
  return {
    id,
    attempt: undefined,
    to: { type: "T", name },
    call: { kind: "method", method: "m", args: "[[]]" },
    fingerprint: "0123456789ab",
    awaited: true,
    due: undefined,
    deadline,
    chain: [],
  };
}

/** A message to instance `name` that nobody waits for; its attempt is `id`. */
export function oneWay(name: string, id: string, due?: number): Envelope {
  const call = awaitedCall(name, `=${id}`, Number.MAX_SAFE_INTEGER);
  return { ...call, attempt: id, awaited: false, due };
}

/** Path of a state file that is removed with its folder when the test has ended. */
export function stateFilePath(): string {
  const folder = mkdtempSync(join(tmpdir(), "state-file-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "state.sqlite");
}
