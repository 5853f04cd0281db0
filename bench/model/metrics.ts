import { createLambdaTelemetry, type MetricsChoice } from "../../runtime/adapters/aws/lambda-telemetry.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import type { Telemetry } from "../../runtime/ports/telemetry.ts";
import type { Setup, Usage } from "./cost.ts";

/** What CloudWatch Logs charges for each event on top of its text, in bytes. */
const EVENT_BYTES = 26;
const BYTES_IN_GB = 1024 ** 3;

/** Of the invocations whose work is measured, so many are. */
const SHARES = { problems: 0, sampled: 1 / 20, all: 1 } as const satisfies Record<MetricsChoice, number>;

/** What a `debit` that goes well is measured by, on the real telemetry: the lines of the functions' log, a call's share of them. */
export async function measuredUsage(
  metrics: MetricsChoice,
  { door, batch }: Pick<Setup, "door" | "batch">,
): Promise<Usage> {
  const to = { type: "Account", name: "ann" };
  const worker = await bytesOf(({ work }) => {
    work?.add("HydrationsWarm", 1, to);
    for (let turn = 0; turn < batch; turn++) {
      work?.add("QueueAge", 28, to);
      work?.add("TurnTime", 1, to);
    }
    work?.add("Commits", 1, to);
  });
  const router = door === "none" ? 0 : await bytesOf(({ work }) => work?.add("ReplyWait", 52, to));
  return { loggedGb: (SHARES[metrics] * (worker / batch + router)) / BYTES_IN_GB };
}

/** What one invocation logs in which this is measured. */
async function bytesOf(measure: (telemetry: Telemetry) => void): Promise<number> {
  let bytes = 0;
  const telemetry = createLambdaTelemetry({
    clock: systemClock,
    write: (line) => {
      bytes += Buffer.byteLength(line) + EVENT_BYTES;
    },
    random: () => 0,
    stack: "account-production",
    metrics: "all",
    logNames: false,
  });
  await telemetry.invocation("request", async () => measure(telemetry));
  return bytes;
}
