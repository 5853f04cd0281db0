import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ENVELOPES_PATH } from "../runtime/adapters/http/envelope-protocol.ts";
import { createLocalAlarmClock } from "../runtime/adapters/local/local-alarm-clock.ts";
import { createLocalMailbox } from "../runtime/adapters/local/local-mailbox.ts";
import { createLocalReplies } from "../runtime/adapters/local/local-replies.ts";
import {
  createSqliteDeadLetters,
  removeSqliteDeadLetter,
} from "../runtime/adapters/local/sqlite-dead-letters.ts";
import { createSqliteDirectory } from "../runtime/adapters/local/sqlite-directory.ts";
import { createSqliteMessages } from "../runtime/adapters/local/sqlite-messages.ts";
import { createSqliteLedger } from "../runtime/adapters/local/sqlite-replies.ts";
import { createSqliteStore, type SqliteStore } from "../runtime/adapters/local/sqlite-store.ts";
import {
  IN_MEMORY,
  isInMemory,
  openStateFile,
  type StateFile,
  StateFileError,
  type StateFileOptions,
} from "../runtime/adapters/local/state-file.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { consoleTelemetry } from "../runtime/adapters/system/console-telemetry.ts";
import { randomIds } from "../runtime/adapters/system/ids.ts";
import { messageOf, stackOf } from "../runtime/core/errors.ts";
import { overwrite } from "../runtime/core/overwrite.ts";
import { METHOD_BUDGET_MS } from "../runtime/core/run-turn.ts";
import type { AlarmClock } from "../runtime/ports/alarm-clock.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";
import type { FindOwner } from "./embedded-routes.ts";
import { createEnvelopeDoor } from "./envelope-door.ts";
import { createFrontDoor, MAX_BODY_BYTES, refuseUnread, turnAway } from "./front-door.ts";
import { refusal } from "./http-error.ts";
import { createInspector, isInspectorPath } from "./inspector.ts";
import { serveLightObjects } from "./light-http.ts";
import { type CodeSurroundings, type LoadedCode, loadCode, type ProjectCode } from "./loaded-code.ts";
import { createListener } from "./node-listener.ts";
import { openOperatorDoor } from "./operator-door.ts";
import { ProjectError } from "./project-module.ts";
import { RequestRoom } from "./request-room.ts";
import { strangeness } from "./same-site.ts";
import { surviveStrayRejections } from "./stray-rejections.ts";
import type { TurnFeed } from "./turn-feed.ts";

export { IN_MEMORY, serveLightObjects };

/** Nothing here ends a request early: long enough for a method's whole budget and some waiting before it. */
const REQUEST_WAIT_MS = METHOD_BUDGET_MS + 10_000;
/** Largest head of a request, in bytes: a name of 10 KB takes 30 KB percent-encoded, and must get its refusal. */
const MAX_HEAD_BYTES = 64 * 1024;
/**
 * How long an idle connection is kept, in ms. A server that is busy may end one just as its next request is on its way: the rarer, the
 * better, as the client can't tell whether that request was served.
 */
const KEEP_ALIVE_MS = 75_000;
/** How often a closing server looks for connections that have become idle, in ms. */
const CLOSE_SWEEP_MS = 10;
/** How long a closing server waits for the first request of a connection, in ms. Browsers open some that they may never use. */
const FIRST_REQUEST_MS = 500;
/** What may wait or run: a twentieth of the calls, and a quarter of the bytes, for one instance. */
const MAILBOX_BOUNDS = {
  instance: { envelopes: 1_000, bytes: 16 * 1024 * 1024 },
  all: { envelopes: 20_000, bytes: 64 * 1024 * 1024 },
};
/** What may be under way at the front door. One that waits takes about 70 KB besides its body. */
const REQUEST_BOUNDS = {
  requests: 5_000,
  bodyBytes: 64 * 1024 * 1024,
  unknownBodyBytes: MAX_BODY_BYTES,
};
export interface EmbeddedOptions extends ProjectCode {
  /** The server that owns instances of a type; without it the module must export every bound type. */
  readonly findOwner?: FindOwner;
  /** Path of the SQLite file, made when missing; or {@link IN_MEMORY}. */
  readonly stateFile: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly host: string;
  /**
   * Whether requests may come from others than the developer, such as through a proxy: then the client's calls go around no `fetch` handler
   * and say of no caller who he is, but those of programs that may read the state folder.
   */
  readonly guarded?: boolean;
  /** Whether callers get what a method threw, with its stack: for a developer, who sees the log anyway. */
  readonly exposeStacks?: boolean;
  /** For a developer: sees each turn, and serves the page at /__actors. */
  readonly inspector?: { readonly feed: TurnFeed; readonly page: () => string };
}

export interface EmbeddedServer {
  /** For people. */
  readonly url: string;
  /** For programs: what `localhost` means may differ, and somebody else may listen there. */
  readonly address: string;
  /**
   * Other code takes over, and the state stays: turns under way end on the old code, all others run on this.
   *
   * @throws ProjectError the module does not fit the bindings; then everything is as before
   */
  replace(code: ProjectCode): Promise<void>;
  /**
   * Answers every request with this error, until code takes over that works. What was accepted before, messages and alarms go on
   * with the code that there is.
   */
  refuse(error: Error): void;
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
  serveLightObjects();
  const clock = systemClock;
  const telemetry = consoleTelemetry;
  const room = new RequestRoom(REQUEST_BOUNDS);
  const file = openFile(options.stateFile, { isAlone: () => room.underWay === 1 });
  const store = createSqliteStore(file);
  const replies = createLocalReplies(clock, createSqliteLedger(file, { clock }));
  const mailbox = createLocalMailbox({
    queue: randomIds.next(),
    consume: (id, deliveries) => code.run(id, deliveries),
    messages: createSqliteMessages(file, { clock, telemetry }),
    bounds: MAILBOX_BOUNDS,
    clock,
    telemetry,
  });
  const alarmClock = createLocalAlarmClock({
    // The heads keep the wakes of a class that is gone; they are armed again when it comes back.
    deliver: async (wake) => {
      if (code.actors.has(wake.to.type)) await mailbox.wake(wake);
    },
    clock,
  });
  const around = {
    batch: {
      store,
      replies,
      alarmClock,
      deadLetters: createSqliteDeadLetters(file, { clock }),
      clock,
      telemetry,
      observer: options.inspector?.feed.observer,
      exposeStacks: options.exposeStacks ?? false,
    },
    route: { mailbox, replies },
    findOwner: options.findOwner,
    clock,
    callWaitMs: REQUEST_WAIT_MS,
  };
  const openDoor = (
    { handler, env, bindings, actors, caller, routeTo }: LoadedCode,
    { guarded }: { guarded: boolean },
  ) =>
    createFrontDoor({
      handler,
      env,
      types: new Set(bindings.map(({ type }) => type)),
      caller,
      // A handler of its own may check who calls; the envelopes' way must not lead around it.
      envelopes:
        guarded && handler
          ? undefined
          : createEnvelopeDoor({
              actors,
              routeTo,
              clock,
              requestWaitMs: REQUEST_WAIT_MS,
              remember: replies.remember,
            }),
      namesCaller: guarded,
      requestWaitMs: REQUEST_WAIT_MS,
      clock,
      telemetry,
    });
  const { guarded = false } = options;
  const openDoors = (loaded: LoadedCode) => ({
    own: openDoor(loaded, { guarded: false }),
    others: openDoor(loaded, { guarded }),
  });
  let code = loadFirst(options, { around, file });
  let doors = openDoors(code);
  /** What is wrong with the code that the project has by now. */
  let mistake: Error | undefined;
  const inspector =
    options.inspector &&
    createInspector({
      ...options.inspector,
      store,
      directory: createSqliteDirectory(file.db),
      depth: mailbox.depth,
      code: () => code,
      mistake: () => mistake,
      requestWaitMs: REQUEST_WAIT_MS,
      clock,
    });
  // It is found through the state's folder: what has none can't be operated from outside.
  const operator = isInMemory(options.stateFile)
    ? undefined
    : openOperatorDoor(options.stateFile, {
        overwrite: (id, put) => overwrite(id, put, { store, alarmClock, clock }),
        send: async (envelope) => mailbox.send(envelope),
        removeDeadLetter: (attempt) => removeSqliteDeadLetter(file, attempt),
      });
  const listener = createListener({
    fetch: (request, { incoming, outgoing }) => {
      if (inspector && isInspectorPath(request.url)) return inspector(request);
      const address = incoming.socket.remoteAddress;
      const operated = operator?.answer(request, { path: incoming.url, address });
      if (operated) return operated;
      if (!room.enter(incoming, outgoing)) return turnAway(request);
      if (mistake) return refuseUnread(request, refusal(503, mistake.name, mistake.message));
      const strange = code.handler ? undefined : strangeness(request);
      if (strange) return refuseUnread(request, refusal(403, "ForeignRequestError", strange));
      // The doors differ in how they take envelopes, and in nothing else.
      const isOwn = guarded && incoming.url === ENVELOPES_PATH && operator?.knows(request, { address });
      return (isOwn ? doors.own : doors.others).fetch(request);
    },
    brokenOff: (error) =>
      telemetry.problem("response broken off", { reason: messageOf(error), stackTrace: stackOf(error) }),
  });
  const server = createServer({ maxHeaderSize: MAX_HEAD_BYTES, keepAliveTimeout: KEEP_ALIVE_MS }, listener);
  server.on("clientError", refuseMalformed);
  const unused = unusedConnections(server);
  try {
    await listen(server, options);
  } catch (error) {
    operator?.close();
    file.close();
    throw error;
  }
  const forget = surviveStrayRejections(telemetry);
  // What a crash has kept from leaving: nobody may ever call these instances again.
  mailbox.start(store.unsent());
  await armWakes(store, { alarmClock, arms: (type) => code.actors.has(type), telemetry });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host === "127.0.0.1" ? "localhost" : options.host}:${port}`,
    address: `http://${options.host}:${port}`,
    async replace(next) {
      const last = code;
      code = loadCode(next, around);
      doors = openDoors(code);
      mistake = undefined;
      last.retire();
      unbind(last, code);
      const isNew = (type: string) => code.actors.has(type) && !last.actors.has(type);
      if ([...code.actors.keys()].some(isNew)) await armWakes(store, { alarmClock, arms: isNew });
    },
    refuse(error) {
      mistake = error;
    },
    async close() {
      inspector?.close();
      const closed = once(server, "close");
      server.close();
      // A client keeps its connection after the answer to its last call; waiting for it would take seconds.
      const sweep = setInterval(() => server.closeIdleConnections(), CLOSE_SWEEP_MS);
      // Node takes them for busy, for a minute.
      const unusedToo = setTimeout(() => {
        for (const socket of unused) socket.destroy();
      }, FIRST_REQUEST_MS);
      await closed;
      clearTimeout(unusedToo);
      clearInterval(sweep);
      alarmClock.close();
      mailbox.close();
      await mailbox.drained();
      operator?.close();
      file.close();
      forget();
    },
  };
}

/** @throws ProjectError with the file closed */
function loadFirst(code: ProjectCode, at: { around: CodeSurroundings; file: StateFile }): LoadedCode {
  try {
    return loadCode(code, at.around);
  } catch (error) {
    at.file.close();
    throw error;
  }
}

/** Takes what only the last code had out of `env`. */
function unbind(last: LoadedCode, { bindings, env }: LoadedCode): void {
  const bound = new Set(bindings.map(({ binding }) => binding));
  for (const { binding } of last.bindings) {
    if (!bound.has(binding)) delete (env as Record<string, unknown>)[binding];
  }
}

/**
 * Makes the wakes again that the heads count on. Alarms of a class that is not here stay in the file until it is.
 *
 * @param options.telemetry told of these; absent: they are no news
 */
async function armWakes(
  store: SqliteStore,
  {
    alarmClock,
    arms,
    telemetry,
  }: { alarmClock: AlarmClock; arms: (type: string) => boolean; telemetry?: Telemetry },
): Promise<void> {
  const missing = new Set<string>();
  for (const { id, wake } of store.wakes()) {
    if (arms(id.type)) await alarmClock.arm(id, wake);
    else missing.add(id.type);
  }
  for (const type of missing)
    telemetry?.problem("alarms left waiting: the project has no such class", { type });
}

/** The connections, as they come and go, on which no request has come yet. */
function unusedConnections(server: Server): ReadonlySet<Socket> {
  const unused = new Set<Socket>();
  server.on("connection", (socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  server.on("request", ({ socket }) => unused.delete(socket));
  return unused;
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

function openFile(path: string, options: StateFileOptions): StateFile {
  try {
    return openStateFile(path, options);
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
