import type { Telemetry } from "../../ports/telemetry.ts";

/** One JSON line per problem on stderr, as CloudWatch Logs reads them. */
export const consoleTelemetry: Telemetry = {
  problem(what, detail) {
    console.error(JSON.stringify({ level: "WARN", message: what, ...detail }));
  },
  // Nothing on this machine adds up metrics; what is counted is also told as a problem.
  count() {},
};
