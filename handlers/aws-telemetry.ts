import {
  createLambdaTelemetry,
  type LambdaTelemetry,
  type MetricsChoice,
} from "../runtime/adapters/aws/lambda-telemetry.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { optional } from "./environment.ts";

const METRICS: ReadonlySet<string> = new Set(["problems", "sampled", "all"] satisfies MetricsChoice[]);

/** What a function tells the operator, as its environment says. */
export function lambdaTelemetry(): LambdaTelemetry {
  return createLambdaTelemetry({
    clock: systemClock,
    // Lambda wraps what goes through the console into a line of its own, and CloudWatch would find neither metric nor field in it.
    write: (line) => process.stdout.write(line),
    random: Math.random,
    // Handlers that no construct has deployed count together.
    stack: optional("ACTORS_STACK") ?? "none",
    metrics: metricsChoice(optional("ACTORS_METRICS") ?? "problems"),
    logNames: optional("ACTORS_LOG_NAMES") === "1",
  });
}

function metricsChoice(text: string): MetricsChoice {
  if (METRICS.has(text)) return text as MetricsChoice;
  throw new Error(`ACTORS_METRICS must be ${[...METRICS].join(", ")}, not ${JSON.stringify(text)}`);
}
