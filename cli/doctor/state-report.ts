import { relative } from "node:path";
import { readStateFile, StateFileError } from "../../runtime/adapters/local/state-file.ts";
import { type StateHealth, stateHealth } from "../../runtime/adapters/local/state-health.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { messageOf } from "../../runtime/core/errors.ts";
import { CommandError } from "../command-error.ts";
import { findServer } from "../running-servers.ts";
import { findStateFile, type GivenState } from "../state-folder.ts";
import { checkStateFile } from "./checks/state-file.ts";
import { inOrder } from "./finding.ts";
import { OVERDUE_MS } from "./limits.ts";
import type { Report } from "./report.ts";

/**
 * Looks at the state of an embedded server, also while one runs on it.
 *
 * @throws CommandError there is none, or it can't be opened
 */
export function stateReport(given: GivenState): Report {
  const { stateDir, stateFile } = findStateFile(given);
  const now = systemClock.now();
  const server = findServer(stateDir)?.url;
  const health = healthOf(stateFile, now - OVERDUE_MS);
  const shown = relative(given.cwd, stateFile);
  const file = shown.startsWith("..") ? stateFile : shown;
  return {
    of: file,
    ...inOrder(checkStateFile({ file, now, server, health })),
    looked: [
      `${health.instances} instances; ${server === undefined ? "no server runs on it" : `a server runs at ${server}`}`,
    ],
  };
}

function healthOf(stateFile: string, dueBefore: number): StateHealth {
  let db: ReturnType<typeof readStateFile> | undefined;
  try {
    db = readStateFile(stateFile);
    return stateHealth(db, { dueBefore });
  } catch (error) {
    if (error instanceof StateFileError) throw new CommandError(error.message, { cause: error });
    // So badly damaged that not even the check can read it.
    return { ...NOTHING, damage: [messageOf(error)] };
  } finally {
    db?.close();
  }
}

const NOTHING: StateHealth = {
  damage: [],
  instances: 0,
  messages: { count: 0, oldest: undefined },
  unsent: 0,
  overdue: { count: 0, oldest: undefined },
  deadLetters: { count: 0, oldest: undefined },
};
