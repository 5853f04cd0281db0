// Preloaded into a measured server (`node --import`): tells its parent what the process has used, whenever it is asked.

/** What a process has used so far. */
export interface Usage {
  /** Processor time, in ms, of all of its threads. */
  readonly cpuMs: number;
  /** What it holds in memory, in bytes. */
  readonly rss: number;
}

process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMs: (user + system) / 1000, rss: process.memoryUsage.rss() } satisfies Usage);
});
// The channel alone keeps no server alive.
process.channel?.unref();
