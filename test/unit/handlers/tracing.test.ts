import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { flushSpans, tracerOf } from "../../../handlers/aws-tracing.ts";
import { createFrontDoor } from "../../../handlers/front-door.ts";
import { createOtelTracer } from "../../../runtime/adapters/opentelemetry/otel-tracer.ts";
import { randomIds } from "../../../runtime/adapters/system/ids.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { bindActors } from "../../../runtime/core/bindings.ts";
import { createCaller, onlyRoute } from "../../../runtime/core/caller.ts";
import { decodeEnvelope, encodeEnvelope } from "../../../runtime/core/envelope.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import type { Tracer } from "../../../runtime/ports/tracer.ts";
import { StepClock, testDeps, UNLIMITED } from "../core/fixtures.ts";

interface Bank {
  ACCOUNT: { idFromName(name: string): { pay(to: string): Promise<void> } };
  LEDGER: {
    idFromName(name: string): {
      note(amount: number): Promise<void>;
      send: { note(n: number): Promise<void> };
    };
  };
}

class Account extends StatefulActor<Bank> {
  async pay(to: string) {
    trace.getActiveSpan()?.setAttribute("bank.checked", true);
    await this.env.LEDGER.idFromName(to).note(1);
    await this.env.LEDGER.idFromName(to).send.note(2);
  }
  async overdraw() {
    throw new RangeError("the balance of ann is 3");
  }
}

class Ledger extends StatefulActor<Bank> {
  async note(_: number) {}
}

/** Front door, mailbox, worker and replies in one process: envelopes travel as texts, batches of one. */
function system(tracer: Tracer | undefined) {
  const actors = { Account, Ledger };
  const base = testDeps(actors);
  const envelopes: Envelope[] = [];
  const running: Promise<unknown>[] = [];
  const answers = new Map<string, PromiseWithResolvers<string>>();
  const answerOf = (id: string) => {
    const answer = answers.get(id) ?? Promise.withResolvers<string>();
    answers.set(id, answer);
    return answer;
  };
  const mailbox = {
    async send(sent: Envelope) {
      const envelope = decodeEnvelope(encodeEnvelope(sent));
      envelopes.push(envelope);
      const delivery = { envelope, mark: undefined, suspect: false, receives: 1 };
      // Another process's: nothing of the sender is around it.
      const serve = () => runBatch(envelope.to, [delivery], { times: UNLIMITED, deps });
      running.push(context.with(rootContext, () => serve()));
    },
  };
  const replies = {
    ...base.replies,
    write: async (id: string, text: string) => answerOf(id).resolve(text),
    stash: async (_: string, text: string) => text,
    stands: () => true,
    filed: async () => new Set<string>(),
    wait: ([id = ""]: readonly string[]) => answerOf(id).promise,
  };
  const routeTo = onlyRoute({ mailbox, replies }, new Set(Object.keys(actors)));
  const caller = createCaller({
    actors: new Map(Object.entries(actors)),
    routeTo,
    clock: base.clock,
    ids: randomIds,
    callWaitMs: 20_000,
    tracer,
  });
  const bindings = [
    { binding: "ACCOUNT", type: "Account" },
    { binding: "LEDGER", type: "Ledger" },
  ];
  const env = bindActors(bindings, { caller, ids: randomIds });
  const deps = { ...base, env, mailbox, replies, tracer };
  const door = createFrontDoor({
    handler: undefined,
    env,
    types: new Set(Object.keys(actors)),
    caller,
    envelopes: undefined,
    requestWaitMs: 20_000,
    clock: base.clock,
    telemetry: base.telemetry,
    tracer,
  });
  const post = async (path: string, args: unknown[], headers: Record<string, string> = {}) => {
    const response = await door.fetch(
      new Request(`http://door${path}`, { method: "POST", body: JSON.stringify(args), headers }),
    );
    for (let each = running.shift(); each; each = running.shift()) await each;
    return response;
  };
  return { post, envelopes };
}

const PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE = PARENT.slice(3, 35);
let rootContext = context.active();
let exporter: InMemorySpanExporter;

function registerSdk(): void {
  exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  rootContext = context.active();
}

function disableSdk(): void {
  trace.disable();
  context.disable();
}

const named = (name: string): ReadableSpan => {
  const found = exporter.getFinishedSpans().filter((span) => span.name === name);
  if (found.length !== 1) throw new Error(`${found.length} spans ${name}`);
  return found[0] as ReadableSpan;
};
const idOf = (span: ReadableSpan) => span.spanContext().spanId;

describe("with OpenTelemetry's SDK in the process", () => {
  beforeEach(registerSdk);
  afterEach(disableSdk);

  test("front door, worker and downstream actors are one trace, each the child of who asked", async () => {
    const { post, envelopes } = system(createOtelTracer({ logNames: false }));
    const headers = { traceparent: PARENT, tracestate: "vendor=1" };
    expect((await post("/Account/ann/pay", ["main"], headers)).status).toBe(200);

    const spans = exporter.getFinishedSpans();
    expect(spans.every((span) => span.spanContext().traceId === TRACE)).toBe(true);
    const [request, call, pay] = [named("POST"), named("call Account.pay"), named("turn Account.pay")];
    const [note, send] = [named("call Ledger.note"), named("send Ledger.note")];
    expect(request.parentSpanContext).toMatchObject({ spanId: "00f067aa0ba902b7", isRemote: true });
    expect(call.parentSpanContext?.spanId).toBe(idOf(request));
    expect(pay.parentSpanContext).toMatchObject({ spanId: idOf(call), isRemote: true });
    expect(note.parentSpanContext?.spanId).toBe(idOf(pay));
    expect(send.parentSpanContext?.spanId).toBe(idOf(pay));
    const noted = spans.filter(({ name }) => name === "turn Ledger.note");
    expect(new Set(noted.map((span) => span.parentSpanContext?.spanId))).toEqual(
      new Set([idOf(note), idOf(send)]),
    );
    expect([request, call, pay, note, send].map(({ kind }) => kind)).toEqual([
      SpanKind.SERVER,
      SpanKind.CLIENT,
      SpanKind.CONSUMER,
      SpanKind.CLIENT,
      SpanKind.PRODUCER,
    ]);
    expect(spans.every((span) => span.status.code === SpanStatusCode.UNSET)).toBe(true);
    // The state travels with it, and user code finds its turn's span active.
    expect(envelopes.map(({ trace }) => trace?.state)).toEqual(["vendor=1", "vendor=1", "vendor=1"]);
    expect(pay.attributes).toMatchObject({
      "rpc.service": "Account",
      "rpc.method": "pay",
      "bank.checked": true,
    });
  });

  test("without a client's trace one is begun at the door", async () => {
    const { post } = system(createOtelTracer({ logNames: false }));
    await post("/Account/ann/pay", ["main"]);
    const traces = new Set(exporter.getFinishedSpans().map((span) => span.spanContext().traceId));
    expect(traces.size).toBe(1);
    expect(named("POST").parentSpanContext).toBeUndefined();
  });

  test("a client that does not sample is not sampled", async () => {
    const { post, envelopes } = system(createOtelTracer({ logNames: false }));
    await post("/Ledger/main/note", [1], { traceparent: PARENT.replace(/1$/, "0") });
    expect(exporter.getFinishedSpans()).toEqual([]);
    expect(envelopes[0]?.trace?.parent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  });

  test("a failure shows by its name: no message, no value, no name of an instance", async () => {
    const { post } = system(createOtelTracer({ logNames: false }));
    await post("/Account/ann/overdraw", [], { traceparent: PARENT });
    for (const span of [named("call Account.overdraw"), named("turn Account.overdraw")]) {
      expect(span.status).toEqual({ code: SpanStatusCode.ERROR });
      expect(span.attributes).toMatchObject({
        "error.type": "ActorMethodError",
        "actor.instance": "52689767c030",
      });
      expect(JSON.stringify([span.name, span.attributes, span.events])).not.toMatch(/ann|balance/);
    }
  });

  test("names are told where they may be", async () => {
    const { post } = system(createOtelTracer({ logNames: true }));
    await post("/Ledger/main/note", [1]);
    expect(named("turn Ledger.note").attributes).toMatchObject({ "actor.name": "main" });
  });

  test("spans are handed on at the end of an invocation; an exporter that hangs does not hold it up", async () => {
    const tracer = createOtelTracer({ logNames: false });
    const clock = new StepClock();
    const problems: string[] = [];
    const telemetry = { problem: (what: string) => void problems.push(what), count: () => {} };
    const flush = vi.spyOn(exporter, "forceFlush");
    await flushSpans(tracer, { clock, telemetry });
    expect(flush).toHaveBeenCalledOnce();
    expect(clock.pending).toBe(0);
    flush.mockReturnValue(new Promise(() => {}));
    const flushing = flushSpans(tracer, { clock, telemetry });
    await clock.advance(1_000);
    await flushing;
    expect(problems).toEqual(["spans not handed on"]);
  });
});

describe("without an SDK", () => {
  test.each([
    ["and without a tracer", () => undefined],
    ["and with the API alone", () => createOtelTracer({ logNames: false })],
  ])("%s: what the client says is passed on as it is, and nothing is begun", async (_, make) => {
    const { post, envelopes } = system(make());
    await post("/Account/ann/pay", ["main"], { traceparent: PARENT, tracestate: "vendor=1" });
    expect(envelopes.map(({ trace }) => trace)).toEqual(Array(3).fill({ parent: PARENT, state: "vendor=1" }));
    await post("/Account/ann/pay", ["main"]);
    await post("/Account/ann/pay", ["main"], { traceparent: "00-forged", tracestate: "vendor=1" });
    expect(envelopes.slice(3).map(({ trace }) => trace)).toEqual(Array(6).fill(undefined));
  });

  test("there is no tracer unless the environment asks for one", () => {
    expect(tracerOf()).toBeUndefined();
    vi.stubEnv("ACTORS_TRACING", "opentelemetry");
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(tracerOf()).toBeDefined();
  });
});
