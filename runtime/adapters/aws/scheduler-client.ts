import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { REQUEST_HANDLER } from "./clients.ts";

/** Throttling and errors of the service are tried again, with growing gaps of about 3 s in all. */
export function schedulerClient(): SchedulerClient {
  return new SchedulerClient({ maxAttempts: 4, requestHandler: REQUEST_HANDLER });
}
