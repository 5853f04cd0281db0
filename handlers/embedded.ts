import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createAdaptorServer } from "@hono/node-server";
import { createLocalMailbox } from "../runtime/adapters/local/local-mailbox.ts";
import { createLocalReplies } from "../runtime/adapters/local/local-replies.ts";
import { createSqliteMessages } from "../runtime/adapters/local/sqlite-messages.ts";
import { createSqliteLedger } from "../runtime/adapters/local/sqlite-replies.ts";
import { createSqliteStore } from "../runtime/adapters/local/sqlite-store.ts";
import { openStateFile, type StateFile, StateFileError } from "../runtime/adapters/local/state-file.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { consoleTelemetry } from "../runtime/adapters/system/console-telemetry.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { Activations } from "../runtime/core/activation.ts";
import { type BatchDeps, runBatch } from "../runtime/core/batch.ts";
import { type ActorBinding, bindActors } from "../runtime/core/bindings.ts";
import { createCaller, mailboxOf } from "../runtime/core/caller.ts";
import { METHOD_BUDGET_MS } from "../runtime/core/run-turn.ts";
import { embeddedRoutes } from "./embedded-routes.ts";
import { createEnvelopeDoor } from "./envelope-door.ts";
import { createFrontDoor } from "./front-door.ts";
import { actorClasses, fetchHandler, ProjectError, type ProjectModule } from "./project-module.ts";
import { surviveStrayRejections } from "./stray-rejections.ts";

/** Idle activations kept in memory. */
const KEPT_ACTIVATIONS = 10_000;
/** Nothing here ends a request early: long enough for a method's whole budget and some waiting before it. */
const REQUEST_WAIT_MS = METHOD_BUDGET_MS + 10_000;
/** Largest head of a request, in bytes: a name of 10 KB takes 30 KB percent-encoded, and must get its refusal. */
const MAX_HEAD_BYTES = 64 * 1024;
/** How often a closing server looks for connections that have become idle, in ms. */
const CLOSE_SWEEP_MS = 10;
/** One process owns the state file, so no lease ever runs out. */
const NO_LEASE = { stopBy: Number.POSITIVE_INFINITY, commitBy: Number.POSITIVE_INFINITY };

export interface EmbeddedOptions {
  /** The project's entry module, already loaded. */
  readonly module: ProjectModule;
  readonly actors: readonly ActorBinding[];
  /** The URL of the server that owns instances of a type; without it the module must export every bound type. */
  readonly findOwner?: (type: string) => string | undefined;
  /** Path of the SQLite file; made when missing. */
  readonly stateFile: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly host: string;
}

export interface EmbeddedServer {
  readonly url: string;
  /** Takes no more requests, finishes the calls under way, closes the state file. */
  close(): Promise<void>;
}

/**
 * The whole system in one process: the same core and front door as on AWS, an in-process mailbox, SQLite.
 *
 * @throws ProjectError the module does not fit the bindings, or another server holds the state file
 * @throws Error with `code` "EADDRINUSE" when the port is taken
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const clock = systemClock;
  const telemetry = consoleTelemetry;
  const { actors: bindings, findOwner } = options;
  const handler = fetchHandler(options.module);
  // A module that neither has an actor nor calls one has rather forgotten its class.
  const hasPurpose =
    handler !== undefined || bindings.some(({ type }) => Object.hasOwn(options.module, type));
  const actors = actorClasses(options.module, bindings, () => findOwner !== undefined && hasPurpose);
  const file = openFile(options.stateFile);
  const store = createSqliteStore(file);
  const replies = createLocalReplies(clock, createSqliteLedger(file, { clock }));
  const mailbox = createLocalMailbox({
    queue: randomIds.next(),
    consume: (id, deliveries) => runBatch(id, deliveries, { times: NO_LEASE, deps }),
    messages: createSqliteMessages(file, { clock, telemetry }),
    clock,
    telemetry,
  });
  const routeTo = embeddedRoutes({
    own: { types: new Set(actors.keys()), route: { mailbox, replies } },
    bindings,
    findOwner: findOwner ?? (() => undefined),
  });
  const caller = createCaller({ actors, routeTo, clock, ids: randomIds, callWaitMs: REQUEST_WAIT_MS });
  const env = bindActors(bindings, { caller, ids: randomIds });
  const deps: BatchDeps = {
    actors,
    env,
    store,
    replies,
    mailbox: mailboxOf(routeTo),
    clock,
    telemetry,
    methodBudgetMs: METHOD_BUDGET_MS,
    // Whoever calls sees the log anyway.
    exposeStacks: true,
    activations: new Activations(KEPT_ACTIVATIONS),
  };
  const door = createFrontDoor({
    handler,
    env,
    types: new Set(bindings.map(({ type }) => type)),
    caller,
    envelopes: createEnvelopeDoor({
      actors,
      routeTo,
      clock,
      requestWaitMs: REQUEST_WAIT_MS,
      remember: replies.remember,
    }),
    requestWaitMs: REQUEST_WAIT_MS,
    clock,
    telemetry,
  });
  const server = createAdaptorServer({
    fetch: (request: Request) => door.fetch(genuine(request)),
    overrideGlobalObjects: false,
    serverOptions: { maxHeaderSize: MAX_HEAD_BYTES },
  }) as Server;
  server.on("clientError", refuseMalformed);
  try {
    await listen(server, options);
  } catch (error) {
    file.close();
    throw error;
  }
  const forget = surviveStrayRejections(telemetry);
  mailbox.start();
  // What a crash has kept from leaving: nobody may ever call these instances again.
  const owing = Promise.all(
    store.unsent().map((id) => runBatch(id, [], { times: NO_LEASE, deps }).catch(() => [])),
  );
  return {
    url: `http://${options.host === "127.0.0.1" ? "localhost" : options.host}:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      // A client keeps its connection after the answer to its last call; waiting for it would take seconds.
      const sweep = setInterval(() => server.closeIdleConnections(), CLOSE_SWEEP_MS);
      await closed;
      clearInterval(sweep);
      await owing;
      mailbox.close();
      await mailbox.drained();
      file.close();
      forget();
    },
  };
}

/** The adapter's request only looks like one: `new Request(request)`, which user code may well do, would throw on it. */
function genuine(request: Request): Request {
  const { url, method, headers, body, signal } = request;
  // No Request may have these methods; the door refuses them.
  if (/^(trace|track|connect)$/i.test(method)) return request;
  return new Request(url, { method, headers, body, signal, ...(body && { duplex: "half" }) });
}

/** What is no HTTP request never reaches the door; it gets an answer in the same form. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === "HPE_HEADER_OVERFLOW";
  const message = tooLarge ? `the request's head is over ${MAX_HEAD_BYTES} bytes` : "this is no HTTP request";
  const body = JSON.stringify({ error: { name: "BadRequestError", message } });
  socket.end(
    `HTTP/1.1 ${tooLarge ? "431 Request Header Fields Too Large" : "400 Bad Request"}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function openFile(path: string): StateFile {
  try {
    return openStateFile(path);
  } catch (error) {
    if (error instanceof StateFileError) throw new ProjectError(error.message, { cause: error });
    throw error;
  }
}

async function listen(server: Server, { port, host }: EmbeddedOptions): Promise<void> {
  const failed = once(server, "error").then(([error]) => Promise.reject(error));
  server.listen(port, host);
  await Promise.race([once(server, "listening"), failed]);
}
