import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HeaderTexts } from "../runtime/adapters/http/http-route.ts";

/** The file beside the state file in which a running server keeps what opens its door: who may read the state may write it. */
export function tokenFile(stateFile: string): string {
  return join(dirname(stateFile), "operator-token");
}

/**
 * What opens the doors of the server that runs on a state file, as headers of a request; none while it does not run, or where its token
 * may not be read.
 */
export function operatorHeaders(stateFile: string): HeaderTexts {
  try {
    return { authorization: `Bearer ${readFileSync(tokenFile(stateFile), "utf8")}` };
  } catch {
    return {};
  }
}
