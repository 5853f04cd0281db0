import { inspect } from "node:util";
import { ProjectError } from "../handlers/project-module.ts";
import { BundleError } from "../project/bundle.ts";
import { ManifestError } from "../project/manifest.ts";
import { ActorError, ActorFormatError } from "../runtime/core/errors.ts";
import { CommandError } from "./command-error.ts";
import { ServeOptionsError } from "./serve-options.ts";
import { UserModuleError } from "./user-module.ts";

const EXPECTED = [
  ActorFormatError,
  BundleError,
  CommandError,
  ServeOptionsError,
  ManifestError,
  ProjectError,
  UserModuleError,
];

/** What the developer reads when a command can't do its work. */
export function failureText(error: unknown): string {
  if (EXPECTED.some((kind) => error instanceof kind)) return (error as Error).message;
  if (!isSystemError(error))
    return `this is a fault of stateful-actors itself, please report it: ${inspect(error)}`;
  if (error.code === "EADDRINUSE") {
    return `port ${error.port} is already taken: end the program that holds it, or choose another with --port <n>`;
  }
  if (error.syscall === "listen") {
    return `port ${error.port} can't be opened (${error.code}): choose another with --port <n>`;
  }
  return `the state folder can't be used: ${error.message}; choose another with --state <dir>`;
}

/** Says why and ends the process: the user's module may have left timers or sockets behind. */
export function fail(error: unknown, { json = false } = {}): never {
  const message = failureText(error);
  console.error(json ? JSON.stringify({ error: errorJson(error, message) }) : `error: ${message}`);
  process.exit(1);
}

/** An actor's error is what programs tell apart: it stands for itself. */
function errorJson(error: unknown, message: string): { name: string; message: string; help?: string } {
  if (!(error instanceof Error)) return { name: "Error", message };
  const { cause } = error;
  return cause instanceof ActorError
    ? { name: cause.name, message: cause.message, help: cause.help }
    : { name: error.name, message };
}

interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly port?: number;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "code" in error && "syscall" in error;
}
