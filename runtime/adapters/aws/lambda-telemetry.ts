import { AsyncLocalStorage } from "node:async_hooks";
import { actorKey } from "../../core/actor-id.ts";
import { hideNames } from "../../core/hidden-names.ts";
import { instanceHash } from "../../core/instance-hash.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ProblemDetail, Telemetry } from "../../ports/telemetry.ts";
import { problemLine, WorkLines } from "./metric-lines.ts";

/** What is measured: what goes wrong, always; and of work that goes well nothing, all, or that of one invocation in twenty. */
export type MetricsChoice = "problems" | "sampled" | "all";

/** The share of invocations whose work is measured where it is sampled. */
const SAMPLE = 1 / 20;

export interface LambdaTelemetryOptions {
  readonly clock: Clock;
  /** Takes a line for the log as it is. */
  readonly write: (line: string) => void;
  /** From 0 up to 1, at random. */
  readonly random: () => number;
  /** The deployment: the first dimension of every metric, as stacks of one account may have types of the same name. */
  readonly stack: string;
  readonly metrics: MetricsChoice;
  /** Whether lines say the names of instances; otherwise a hash of each. */
  readonly logNames: boolean;
}

export interface LambdaTelemetry extends Telemetry {
  /** Runs one invocation: its lines name its request, and what its work took is one line a type, at its end. */
  invocation<T>(requestId: string | undefined, run: () => Promise<T>): Promise<T>;
}

interface Invocation {
  readonly requestId: string | undefined;
  /** Where its work is measured. */
  readonly work: WorkLines | undefined;
}

/** The invocation that the running code belongs to, whichever part of the function speaks. */
const current = new AsyncLocalStorage<Invocation>();

/** Problems and metrics as lines of JSON. A problem is written at once, as what follows it may be the end of the process. */
export function createLambdaTelemetry(options: LambdaTelemetryOptions): LambdaTelemetry {
  const { clock, write, random, stack, metrics, logNames } = options;
  const say = (line: string) => write(`${line}\n`);

  const whom = ({ type, name }: ProblemDetail) => {
    if (type === undefined || name === undefined) return {};
    return logNames ? { name } : { instance: instanceHash({ type, name }) };
  };

  /** Also in what was thrown there may be names. */
  const told = (fields: Readonly<Record<string, unknown>>, keys: readonly string[]) => {
    if (logNames) return fields;
    const texts = ["reason", "stackTrace"].flatMap((field) => {
      const text = fields[field];
      return typeof text === "string" ? [[field, hideNames(text, keys)]] : [];
    });
    return { ...fields, ...Object.fromEntries(texts) };
  };

  return {
    problem(what, detail) {
      const { type, name, chain = [], ...more } = detail;
      const keys = type === undefined || name === undefined ? chain : [...chain, actorKey({ type, name })];
      const requestId = current.getStore()?.requestId;
      say(
        JSON.stringify({
          level: "WARN",
          message: what,
          stack,
          requestId,
          type,
          ...whom(detail),
          ...told(more, keys),
        }),
      );
    },
    count(metric, { type, times = 1 }) {
      say(problemLine({ at: clock.now(), stack, type, metric, times }));
    },
    ...(metrics !== "problems" && {
      work: {
        add: (metric, value, of) => current.getStore()?.work?.add(metric, value, of),
      },
    }),
    async invocation(requestId, run) {
      const measured = metrics === "all" || (metrics === "sampled" && random() < SAMPLE);
      const work = measured ? new WorkLines() : undefined;
      try {
        return await current.run({ requestId, work }, run);
      } finally {
        for (const line of work?.take({ at: clock.now(), stack }) ?? []) say(line);
      }
    },
  };
}
