// A worker as a process of its own, which may be killed or stopped at any time. It is given batches as Lambda would give them to the
// functions: from outside, with nothing of its own that polls.
//
// Started by worker-pool.ts: node worker.ts '{"name": …, "bundle": …, …}'

import { pathToFileURL } from "node:url";
import type { SQSBatchResponse, SQSRecord } from "aws-lambda";
import { createForwarderHandler } from "../../handlers/forwarder.ts";
import { type ServeDeps, serveRecords } from "../../handlers/serve-records.ts";
import { surviveStrayRejections } from "../../handlers/stray-rejections.ts";
import { workerDeps } from "../../handlers/worker.ts";
import { openHistory } from "./history.ts";
import { createLateClock } from "./late-clock.ts";
import { VARIANTS } from "./variants.ts";

export interface WorkerOrder {
  readonly name: string;
  /** The entry module of the project. */
  readonly bundle: string;
  readonly history: string;
  readonly leaseMs: number;
  /** Whether its clock notices late that it has stood still. */
  readonly lateClock: boolean;
  /** Which rule it breaks, if any. */
  readonly variant: string | undefined;
}

/** A batch to a worker. */
export interface Batch {
  readonly batch: string;
  /** The queue that it comes from. */
  readonly from: "mailbox" | "delay";
  readonly records: SQSRecord[];
}
/** And back. */
export interface Answer extends SQSBatchResponse {
  readonly batch: string;
}

/** How long an invocation may take, in ms. */
const INVOCATION_MS = 60_000;

const order = JSON.parse(process.argv[2] ?? "") as WorkerOrder;
const { record } = openHistory(order.history);
const deps = await makeDeps();
const forward = createForwarderHandler();
surviveStrayRejections(deps.telemetry);
process.on("message", async (batch: Batch) => {
  const answer = batch.from === "delay" ? await forward({ Records: batch.records }) : await serve(batch);
  process.send?.({ batch: batch.batch, ...answer } satisfies Answer);
});
process.on("disconnect", () => process.exit());
process.send?.("ready");

async function makeDeps(): Promise<ServeDeps> {
  const module = await import(pathToFileURL(order.bundle).href);
  const own = workerDeps({ module, actors: [{ binding: "LEDGER", type: "Ledger" }] });
  const telemetry: ServeDeps["telemetry"] = {
    problem: (what, { reason }) => {
      record({ is: "problem", worker: order.name, what, reason: String(reason) });
    },
    count: (what, { type = "" }) => record({ is: "problem", worker: order.name, what, reason: type }),
  };
  const clock = order.lateClock ? createLateClock() : own.clock;
  const deps = { ...own, telemetry, clock, shortLeaseMs: order.leaseMs };
  return order.variant === undefined ? deps : (VARIANTS[order.variant]?.(deps) ?? deps);
}

function serve({ batch, records }: Batch): Promise<SQSBatchResponse> {
  const { lease, clock } = deps;
  let leased = false;
  const renew: typeof lease.renew = async (receipts, seconds) => {
    const granted = await lease.renew(receipts, seconds);
    if (!leased) record({ is: "leased", batch });
    leased = true;
    return granted;
  };
  const endsBy = clock.now() + INVOCATION_MS;
  return serveRecords(records, { endsBy, deps: { ...deps, lease: { ...lease, renew } } });
}
