// Ends the processes that it is told of when standard input closes. The kernel closes that pipe however the run dies, and SIGKILL
// ends a stopped process, too: no worker outlives its run.
//
// Started by children.ts. Lines: `+<pid>` for a process that has begun, `-<pid>` for one that has ended.

import { createInterface } from "node:readline";

const pids = new Set<number>();

createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line.startsWith("+")) pids.add(Number(line.slice(1)));
    else pids.delete(Number(line.slice(1)));
  })
  .on("close", () => {
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
  });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
