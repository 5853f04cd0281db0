import { simulateAlarms } from "./alarms/simulation.ts";
import { simulateCalls } from "./calls/simulation.ts";
import type { Report } from "./world.ts";

/** What is simulated, by name. */
export const PROGRAMMES: Readonly<Record<string, (seed: number) => Promise<Report>>> = {
  calls: simulateCalls,
  alarms: simulateAlarms,
};
