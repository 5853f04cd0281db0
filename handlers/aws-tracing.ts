import { messageOf } from "../runtime/core/errors.ts";
import type { Clock } from "../runtime/ports/clock.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";
import type { Tracer } from "../runtime/ports/tracer.ts";
import { optional } from "./environment.ts";

/** How long an invocation may wait for its spans to be handed on, in ms: callers wait for what comes next. */
const FLUSH_MS = 1_000;

/** Who makes spans, as the function's environment says; nobody unless asked for. */
export function tracerOf(): Tracer | undefined {
  if (optional("ACTORS_TRACING") !== "opentelemetry") return undefined;
  const logNames = optional("ACTORS_LOG_NAMES") === "1";
  return lazyTracer(async () => {
    const { createOtelTracer } = await import("../runtime/adapters/opentelemetry/otel-tracer.ts");
    return createOtelTracer({ logNames });
  });
}

/** What messages carry for X-Ray, where the function's environment asks for it: Lambda says it anew for each invocation. */
export function xrayHeader(): (() => string | undefined) | undefined {
  if (optional("ACTORS_TRACING") !== "xray") return undefined;
  return () => {
    const fields = optional("_X_AMZN_TRACE_ID")?.split(";") ?? [];
    const known = fields.filter((field) => /^(Root|Parent|Sampled)=/.test(field));
    return known.length > 0 ? known.join(";") : undefined;
  };
}

/** A tracer whose library is loaded when the first span begins: where nobody traces, no start waits for it. */
function lazyTracer(load: () => Promise<Tracer>): Tracer {
  let loading: Promise<Tracer> | undefined;
  let loaded: Tracer | undefined;
  const tracer = async () => {
    loading ??= load();
    loaded = await loading;
    return loaded;
  };
  return {
    request: async (what, run, ended) => (await tracer()).request(what, run, ended),
    call: async (what, run) => (await tracer()).call(what, run),
    // It can't wait. What sends is a request or a turn, whose span has begun.
    send: (what) => (loaded ? loaded.send(what) : what.trace),
    turn: async (envelope, run, ended) => (await tracer()).turn(envelope, run, ended),
    flush: async () => loaded?.flush(),
  };
}

/** Hands on the spans of an invocation: behind it the function is frozen. Never rejects. */
export async function flushSpans(
  tracer: Tracer | undefined,
  { clock, telemetry }: { clock: Clock; telemetry: Telemetry },
): Promise<void> {
  if (tracer === undefined) return;
  let cancel = () => {};
  try {
    await Promise.race([
      tracer.flush(),
      new Promise((_, reject) => {
        cancel = clock.after(FLUSH_MS, () => reject(new Error(`it took longer than ${FLUSH_MS} ms`)));
      }),
    ]);
  } catch (error) {
    telemetry.problem("spans not handed on", { reason: messageOf(error) });
  } finally {
    cancel();
  }
}
