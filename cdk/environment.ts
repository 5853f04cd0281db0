import { ConfigurationError } from "./configuration-error.ts";

export interface FunctionEnvironment {
  /** The `[env_vars]` of the project's manifest, whose names the manifest's reader has checked. */
  readonly project: Readonly<Record<string, string>>;
  /** What the handlers read. */
  readonly own: Readonly<Record<string, string>>;
}

/** The environment of a function; throws a ConfigurationError for a project variable that would hide one of ours. */
export function functionEnvironment({ project, own }: FunctionEnvironment): Record<string, string> {
  const shadowing = Object.keys(project).find((name) => Object.hasOwn(own, name));
  if (shadowing !== undefined) {
    throw new ConfigurationError(
      `[env_vars] ${shadowing}: the handlers read their own settings from this variable; choose another name`,
    );
  }
  return { ...project, ...own };
}
