import {
  type Context,
  context,
  createTraceState,
  isSpanContextValid,
  type Link,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { instanceHash } from "../../core/instance-hash.ts";
import type { ActorId, TraceContext } from "../../ports/mailbox.ts";
import type { Ended, Tracer } from "../../ports/tracer.ts";

/** The name under which the spans of this package are known. */
const SCOPE = "stateful-actors";

export interface OtelTracerOptions {
  /** Whether spans say the names of instances; otherwise a hash of each. */
  readonly logNames: boolean;
}

/**
 * Spans through OpenTelemetry's API. Whoever registers its SDK in the process (a Lambda layer, as a rule) gets them; without one they
 * are nothing, and envelopes carry the trace that came in. Spans hold no arguments, no results and no messages of errors.
 */
export function createOtelTracer({ logNames }: OtelTracerOptions): Tracer {
  // A provider that is registered later is found all the same.
  const spans = trace.getTracer(SCOPE);

  const attributes = (to: ActorId, method: string) => ({
    "rpc.system": SCOPE,
    "rpc.service": to.type,
    "rpc.method": method,
    ...(logNames ? { "actor.name": to.name } : { "actor.instance": instanceHash(to) }),
  });

  return {
    request({ name, trace: from }, run, ended) {
      // The client's word goes before the function's own span, to which it is linked.
      const within = remote(context.active(), from);
      const span = spans.startSpan(
        name,
        { kind: SpanKind.SERVER, attributes: { "http.request.method": name }, ...linkedTo(within) },
        within,
      );
      return during(span, within, run, ended);
    },

    call({ to, method, trace: from }, run) {
      const within = parentOf(from);
      const span = spans.startSpan(
        `call ${to.type}.${method}`,
        { kind: SpanKind.CLIENT, attributes: attributes(to, method) },
        within,
      );
      return during(span, within, () => run(carried(span, from)), itself);
    },

    send({ to, method, trace: from }) {
      const span = spans.startSpan(
        `send ${to.type}.${method}`,
        { kind: SpanKind.PRODUCER, attributes: attributes(to, method) },
        parentOf(from),
      );
      span.end();
      return carried(span, from);
    },

    turn({ to, call: { method }, trace: from }, run, ended) {
      const within = remote(context.active(), from);
      const span = spans.startSpan(
        `turn ${to.type}.${method}`,
        { kind: SpanKind.CONSUMER, attributes: attributes(to, method), ...linkedTo(within) },
        within,
      );
      return during(span, within, run, ended);
    },

    async flush() {
      const provider = trace.getTracerProvider() as Flushable & { getDelegate?(): Flushable };
      await (provider.getDelegate?.() ?? provider).forceFlush?.();
    },
  };
}

/** What an SDK's provider has, and the API's type does not say. */
interface Flushable {
  forceFlush?(): Promise<void>;
}

/** The span that is active, if there is one: then it belongs to the trace that came in, or another one was begun on purpose. */
function parentOf(from: TraceContext | undefined): Context {
  const active = context.active();
  return trace.getSpan(active) ? active : remote(active, from);
}

function remote(within: Context, from: TraceContext | undefined): Context {
  if (from === undefined) return within;
  const [, traceId = "", spanId = "", flags = ""] = from.parent.split("-");
  return trace.setSpanContext(within, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(from.state !== undefined && { traceState: createTraceState(from.state) }),
  });
}

/** A link to the span that is active, where another one is the parent. */
function linkedTo(within: Context): { links?: Link[] } {
  const active = trace.getSpan(context.active())?.spanContext();
  if (active === undefined || active.spanId === trace.getSpanContext(within)?.spanId) return {};
  return { links: [{ context: active }] };
}

/** The span as an envelope carries it; what came in where nobody makes spans. */
function carried(span: Span, from: TraceContext | undefined): TraceContext | undefined {
  const own = span.spanContext();
  if (!isSpanContextValid(own)) return from;
  const { traceId, spanId, traceFlags, traceState } = own;
  const parent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
  const state = traceState?.serialize();
  return state ? { parent, state } : { parent };
}

async function during<T>(
  span: Span,
  within: Context,
  run: () => Promise<T>,
  ended: (result: T) => Ended,
): Promise<T> {
  try {
    const result = await context.with(trace.setSpan(within, span), run);
    const { ok, error } = ended(result);
    if (!ok) fail(span, error?.name ?? "Error");
    return result;
  } catch (error) {
    fail(span, error instanceof Error ? error.name : "Error");
    throw error;
  } finally {
    span.end();
  }
}

function fail(span: Span, name: string): void {
  span.setAttribute("error.type", name);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function itself(ended: Ended): Ended {
  return ended;
}
