import { existsSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { OPERATOR_PATH, type Operator, type OperatorRequest } from "../handlers/operator-door.ts";
import { operatorHeaders } from "../handlers/operator-token.ts";
import { readProject } from "../project/project.ts";
import {
  createSqliteDeadLetterQueue,
  removeSqliteDeadLetter,
} from "../runtime/adapters/local/sqlite-dead-letters.ts";
import { createSqliteDirectory } from "../runtime/adapters/local/sqlite-directory.ts";
import { createSqliteMessages } from "../runtime/adapters/local/sqlite-messages.ts";
import { createSqliteStore } from "../runtime/adapters/local/sqlite-store.ts";
import {
  openStateFile,
  readStateFile,
  StateFileError,
  StateFileHeldError,
} from "../runtime/adapters/local/state-file.ts";
import { systemClock } from "../runtime/adapters/system/clock.ts";
import { consoleTelemetry } from "../runtime/adapters/system/console-telemetry.ts";
import { connect } from "../runtime/client.ts";
import { encodeEnvelope } from "../runtime/core/envelope.ts";
import { ActorFormatError, messageOf } from "../runtime/core/errors.ts";
import { overwrite } from "../runtime/core/overwrite.ts";
import { CommandError } from "./command-error.ts";
import { nearest } from "./nearest.ts";
import type { Place } from "./place.ts";
import { findServer, STATE_FILE } from "./running-servers.ts";

const DEFAULT_STATE = ".actors";

/** Which state is meant, as the command line says it. */
export interface GivenState {
  readonly state: string | undefined;
  readonly project: string | undefined;
  readonly cwd: string;
}

/**
 * The state file of the project that is meant, and the folder that it lies in.
 *
 * @throws CommandError there is none, or more than one
 */
export function findStateFile(given: GivenState): { readonly stateDir: string; readonly stateFile: string } {
  const stateDir = projectState(given);
  return { stateDir, stateFile: join(stateDir, STATE_FILE) };
}

/** The state of a project that `actors dev` or `actors start` serves, or has served. */
export function openStateFolder(given: GivenState): Place {
  const { stateDir, stateFile } = findStateFile(given);
  const { db, directory } = read(stateFile);
  const server = () => findServer(stateDir);
  const operator = operatorOf(stateFile, server);
  const label = relative(given.cwd, stateDir) || stateDir;
  return {
    label: label.startsWith("..") ? stateDir : label,
    directory: {
      ...directory,
      async types() {
        const served = server()?.types ?? [];
        return [...new Set([...(await directory.types()), ...served])].sort();
      },
    },
    overwrite: (id, put) => operator.overwrite(id, put),
    connect() {
      const running = server();
      if (running !== undefined) {
        return connect({ url: running.url, headers: () => operatorHeaders(stateFile) });
      }
      throw new CommandError(
        `no server runs on ${stateDir}, and a call needs one: start it with actors dev <project folder> (or actors start), in a second terminal`,
      );
    },
    async deadLetters() {
      const queue = createSqliteDeadLetterQueue(db, {
        remove: (attempt) => operator.removeDeadLetter(attempt),
      });
      return { mailbox: operator, queues: [queue] };
    },
    close: () => db.close(),
  };
}

/** The folder of the one project that is meant. */
function projectState({ state, project, cwd }: GivenState): string {
  if (state === "") throw new CommandError(`--state is "": name a folder, such as ${DEFAULT_STATE}`);
  const folder = resolve(cwd, state ?? DEFAULT_STATE);
  const there = projectsIn(folder);
  if (there.length === 0) {
    throw new CommandError(
      `there is no state of a project in ${folder}: name another folder with --state <dir>, or serve a project once with actors dev or actors start`,
    );
  }
  if (project === undefined) {
    const [only, ...others] = there;
    if (only !== undefined && others.length === 0) return join(folder, only);
    throw new CommandError(
      `there are ${there.length} projects in ${folder} (${there.join(", ")}): name one with --project <name>`,
    );
  }
  const name = there.includes(project) ? project : nameOf(resolve(cwd, project));
  if (name !== undefined && there.includes(name)) return join(folder, name);
  const meant = nearest(project, there);
  throw new CommandError(
    `there is no state of a project ${JSON.stringify(project)} in ${folder}: ${meant === undefined ? "" : `did you mean ${meant}? `}there is ${there.join(", ")}`,
  );
}

function projectsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, STATE_FILE)))
    .map(({ name }) => name)
    .sort();
}

/** The name in the manifest of a project's folder. */
function nameOf(folder: string): string | undefined {
  return existsSync(folder) ? readProject(folder).manifest.name : undefined;
}

function read(stateFile: string) {
  let db: DatabaseSync | undefined;
  try {
    db = readStateFile(stateFile);
    return { db, directory: createSqliteDirectory(db) };
  } catch (error) {
    db?.close();
    // A newer version's: it is the right file.
    if (error instanceof StateFileError && error.cause instanceof ActorFormatError)
      throw new CommandError(error.message, { cause: error });
    throw new CommandError(
      `${stateFile} can't be read: ${messageOf(error)}: name the state folder of actors dev or actors start with --state <dir>, or start its server once, which makes the file`,
      { cause: error },
    );
  }
}

/** Writes to the state file itself while nobody has it open, and through the server's door while it runs. */
function operatorOf(stateFile: string, server: () => { readonly url: string } | undefined): Operator {
  const write = async (directly: (operator: Operator) => Promise<unknown>, request: OperatorRequest) => {
    let file: ReturnType<typeof openStateFile>;
    try {
      file = openStateFile(stateFile);
    } catch (error) {
      if (error instanceof StateFileHeldError) return askServer({ stateFile, url: server()?.url }, request);
      if (error instanceof StateFileError) throw new CommandError(error.message, { cause: error });
      throw error;
    }
    // The server arms the wakes of all heads when it starts.
    const deps = { store: createSqliteStore(file), alarmClock: { arm: async () => {} }, clock: systemClock };
    try {
      return await directly({
        overwrite: (id, put) => overwrite(id, put, deps),
        send: (envelope) =>
          createSqliteMessages(file, { clock: systemClock, telemetry: consoleTelemetry }).add(envelope),
        removeDeadLetter: (attempt) => removeSqliteDeadLetter(file, attempt),
      });
    } finally {
      file.close();
    }
  };
  return {
    async overwrite(id, put) {
      const { expected, values, alarm = null } = put;
      const request = { do: "overwrite", ...id, expected, values: [...values], alarm } as const;
      return (await write((operator) => operator.overwrite(id, put), request)) as Awaited<
        ReturnType<Operator["overwrite"]>
      >;
    },
    async send(envelope) {
      await write((operator) => operator.send(envelope), { do: "send", envelope: encodeEnvelope(envelope) });
    },
    async removeDeadLetter(attempt) {
      await write((operator) => operator.removeDeadLetter(attempt), { do: "removeDeadLetter", attempt });
    },
  };
}

async function askServer(
  { stateFile, url }: { stateFile: string; url: string | undefined },
  request: OperatorRequest,
): Promise<unknown> {
  const held = `${stateFile} is in use by another process`;
  if (url === undefined) {
    throw new CommandError(
      `${held} that does not say where it answers: a server that is starting, or another actors command; try again in a moment`,
    );
  }
  let answer: Response;
  try {
    answer = await fetch(new URL(OPERATOR_PATH, url), {
      method: "POST",
      headers: operatorHeaders(stateFile),
      body: JSON.stringify(request),
    });
  } catch (error) {
    throw new CommandError(
      `${held}, and the server at ${url} could not be asked (${messageOf(error)}): whether anything was written is unknown; look with actors inspect`,
      { cause: error },
    );
  }
  const body: unknown = await answer.json().catch(() => undefined);
  if (answer.ok) return body;
  const { error } = (body ?? {}) as { error?: { message?: string } };
  throw new CommandError(
    `the server at ${url} did not do it: ${error?.message ?? `status ${answer.status}`}`,
  );
}
