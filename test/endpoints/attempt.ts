import type { Missing } from "./gate.ts";
import { EndpointUnavailable } from "./unavailable.ts";

/** What `make` made, or why there is none: an error in a global setup would end the run of every other project too. */
export async function attempt<T>(make: () => Promise<T>): Promise<T | Missing> {
  try {
    return await make();
  } catch (error) {
    const missing = error instanceof Error ? error.message : String(error);
    return { missing, failed: !(error instanceof EndpointUnavailable) };
  }
}
