import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** What is asked of a server: deposits and debits in turn, over some connections, one call at a time on each. */
export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** Ends with so many calls, or after so many seconds, whichever comes first. */
  readonly calls: number;
  readonly seconds: number;
  /** One account, or as many with numbers. */
  readonly names: { readonly prefix: string; readonly count: number };
  /** Deposits this much with every call instead. */
  readonly seed?: number;
}

export interface LoadDone {
  /** Acknowledged ones. */
  readonly calls: number;
  readonly unanswered: number;
  readonly perSecond: number;
  /** Latencies, in ms. */
  readonly p50: number;
  readonly p99: number;
}

/** What came of looking at every account that the load has touched. */
export interface Check {
  readonly checked: number;
  /** One sentence for each account that holds anything else than what was acknowledged. */
  readonly wrong: readonly string[];
}

export type LoadCommand =
  | (LoadOptions & { readonly kind: "load" })
  | { readonly kind: "check"; readonly port: number };

/** A load generator, in a process of its own. */
export interface Load {
  run(options: LoadOptions): Promise<LoadDone>;
  /** Compares all accounts that it has touched, on the server at `port`, with what was acknowledged. */
  check(port: number): Promise<Check>;
  stop(): Promise<void>;
}

export function startLoad(): Load {
  const child = fork(join(import.meta.dirname, "load-generator.ts"), { serialization: "advanced" });
  const ended = once(child, "exit");
  let order = 0;
  const ask = async <T>(command: LoadCommand): Promise<T> => {
    const own = ++order;
    const answered = new Promise<T>((resolve, reject) => {
      const take = (message: unknown) => {
        const { order, result } = message as { order: number; result: T };
        if (order !== own) return;
        child.off("message", take);
        resolve(result);
      };
      child.on("message", take);
      ended.then(([code]) => reject(new Error(`the load generator ended with code ${code}`)));
    });
    child.send({ order: own, command });
    return answered;
  };
  return {
    run: (options) => ask({ kind: "load", ...options }),
    check: (port) => ask({ kind: "check", port }),
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
