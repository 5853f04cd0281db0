import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Owner } from "../handlers/embedded-routes.ts";
import { operatorHeaders } from "../handlers/operator-token.ts";

/** What a server that runs here says of itself, so that others with the same state folder find its actors. */
interface Announcement {
  readonly pid: number;
  readonly url: string;
  /** Types whose instances it owns. */
  readonly types: readonly string[];
}

const FILE = "server.json";
/** The state file in a project's folder. */
export const STATE_FILE = "state.sqlite";

/**
 * Says where the server of a project answers.
 *
 * @param stateDir the project's own folder in the state folder
 * @returns takes it back
 */
export function announceServer(stateDir: string, announcement: Omit<Announcement, "pid">): () => void {
  const file = join(stateDir, FILE);
  mkdirSync(stateDir, { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, ...announcement }));
  renameSync(draft, file);
  return () => rmSync(file, { force: true });
}

/** The running server that owns instances of `type`, if there is one. */
export function findOwner(stateFolder: string, type: string): Owner | undefined {
  if (!existsSync(stateFolder)) return undefined;
  for (const project of readdirSync(stateFolder, { withFileTypes: true })) {
    if (!project.isDirectory()) continue;
    const stateDir = join(stateFolder, project.name);
    const found = readAnnouncement(join(stateDir, FILE));
    if (found?.types.includes(type) && isRunning(found.pid))
      return { url: found.url, headers: operatorHeaders(join(stateDir, STATE_FILE)) };
  }
  return undefined;
}

/** The running server of one project, if there is one: its URL, and the types that it owns. */
export function findServer(stateDir: string): { url: string; types: readonly string[] } | undefined {
  const found = readAnnouncement(join(stateDir, FILE));
  return found && isRunning(found.pid) ? found : undefined;
}

function readAnnouncement(file: string): Announcement | undefined {
  try {
    const { pid, url, types } = JSON.parse(readFileSync(file, "utf8"));
    return typeof pid === "number" && typeof url === "string" && Array.isArray(types)
      ? { pid, url, types }
      : undefined;
  } catch {
    return undefined;
  }
}

/** A server that was killed takes nothing back. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, and belongs to another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
