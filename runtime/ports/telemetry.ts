/** What an operator should know; never a caller's concern. */
export interface Telemetry {
  /** Something went wrong that the system handled by itself. `detail` holds no values of actors. */
  problem(what: string, detail: Readonly<Record<string, unknown>>): void;
}
