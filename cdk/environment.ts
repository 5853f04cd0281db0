import { ConfigurationError } from "./configuration-error.ts";

export interface FunctionEnvironment {
  /** The `[env_vars]` of the project's manifest with the property `environment` laid over them; their names are checked. */
  readonly project: Readonly<Record<string, string>>;
  /** The property `environment` alone. */
  readonly property: Readonly<Record<string, string>> | undefined;
  /** What the handlers read; undefined: not set here, but read all the same. */
  readonly own: Readonly<Record<string, string | undefined>>;
}

/** The environment of a function; throws a ConfigurationError for a project variable that would hide one of ours. */
export function functionEnvironment({
  project,
  property = {},
  own,
}: FunctionEnvironment): Record<string, string> {
  const shadowing = Object.keys(project).find((name) => Object.hasOwn(own, name));
  if (shadowing !== undefined) {
    throw new ConfigurationError(
      `${Object.hasOwn(property, shadowing) ? "environment" : "[env_vars]"} ${shadowing}: the handlers read their own settings from this variable; choose another name`,
    );
  }
  const set = Object.entries(own).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...project, ...Object.fromEntries(set) };
}
