import { statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { IDENTIFIER_RULE, isIdentifier, MAX_TYPE } from "../project/manifest.ts";
import { type ProjectCode, readProject } from "../project/project.ts";
import { checkEnvironment } from "./checked-environment.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { declaredSecrets, readersOf, type SecretsProps } from "./secrets.ts";

/** Whose actors are deployed: a folder with a manifest, or a module without one. */
export interface ProjectSource {
  /**
   * The folder of the project: where `actors.toml` (or `telnyx.toml`) lies. Relative to the working directory.
   * @default `entry` and `actors` say it
   */
  readonly project?: string;
  /**
   * Instead of `project`: the module that exports the actor classes, and a `fetch` handler if there is one. A path, relative to the
   * working directory. Needs `actors`.
   * @default `project` says it
   */
  readonly entry?: string;
  /**
   * What a manifest says of the actors: their types (the names of the exported classes) by the names under which the code finds them, as in
   * `{ ACCOUNT: "Account" }` for `env.ACCOUNT`. Only with `entry`.
   * @default the manifest of `project` says it
   */
  readonly actors?: Readonly<Record<string, string>>;
  /**
   * Environment variables of the project's code (`process.env`), beside the `[env_vars]` of a manifest and before them. A value may be known at
   * deployment only, such as the name of a bucket. Not for secrets: whoever may look at the functions reads them.
   * @default none
   */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * The code that is deployed, and what is declared of it.
 *
 * Throws a ManifestError for a folder that is no project, and a ConfigurationError for a module that is none, for declarations that break a rule,
 * and where not exactly one of the two is given.
 *
 * @param name what the actors of a module are called in descriptions and errors, for want of a manifest
 */
export function projectCode(source: ProjectSource & SecretsProps, name: string): ProjectCode {
  const code = ofOneSource(source, name);
  const environment = checkEnvironment(source.environment ?? {});
  for (const { binding } of code.manifest.secrets) {
    if (!Object.hasOwn(environment, binding)) continue;
    throw new ConfigurationError(
      `environment ${binding}: the project has a secret of this name, which would lie there in plain text; take it out of one of the two`,
    );
  }
  return {
    ...code,
    manifest: { ...code.manifest, envVars: { ...code.manifest.envVars, ...environment } },
  };
}

function ofOneSource(source: ProjectSource & SecretsProps, name: string): ProjectCode {
  const { project, entry, actors, secrets = {} } = source;
  if (project !== undefined && entry !== undefined) {
    throw new ConfigurationError(
      `project ${project} and entry ${entry}: one says whose actors are deployed; give the folder of a manifest as project, or a module as entry with its actors`,
    );
  }
  if (project !== undefined && actors !== undefined) {
    throw new ConfigurationError(
      `actors with the project ${project}: its manifest says what actors it has; declare them there, or give entry instead of project`,
    );
  }
  if (project !== undefined) {
    const told = Object.entries(secrets).find(([, each]) => readersOf(each) !== undefined);
    if (told === undefined) return readProject(project);
    throw new ConfigurationError(
      `secrets: ${told[0]}: readers with the project ${project}: its manifest says who may read a secret; say it there, and give the secret itself here`,
    );
  }
  if (entry !== undefined) return moduleCode({ entry, actors: actors ?? {}, secrets, name });
  throw new ConfigurationError(
    "neither project nor entry: one says whose actors are deployed; give the folder of a manifest as project, or a module as entry with its actors",
  );
}

interface ModuleSource {
  readonly entry: string;
  readonly actors: Readonly<Record<string, string>>;
  readonly secrets: NonNullable<SecretsProps["secrets"]>;
  readonly name: string;
}

function moduleCode({ entry, actors, secrets, name }: ModuleSource): ProjectCode {
  const main = resolve(entry);
  if (!statSync(main, { throwIfNoEntry: false })?.isFile()) {
    throw new ConfigurationError(
      `entry ${entry}: there is no such file; give the module that exports the actors, absolute or from ${process.cwd()}`,
    );
  }
  const declared = Object.entries(actors).map(([binding, type]) => ({ binding, type }));
  if (declared.length === 0) {
    throw new ConfigurationError(
      `entry ${entry} without actors: they say which classes it exports, and under which names its code finds them; give such as actors: { ACCOUNT: "Account" }`,
    );
  }
  for (const { binding, type } of declared) checkActor(binding, type);
  return {
    dir: dirname(main),
    main,
    manifest: {
      name,
      main: basename(main),
      actors: declared,
      envVars: {},
      secrets: declaredSecrets(secrets, Object.keys(actors)),
      warnings: [],
    },
  };
}

function checkActor(binding: string, type: string): void {
  const wrong = [binding, type].find((each) => !isIdentifier(each));
  if (wrong !== undefined) {
    throw new ConfigurationError(
      `actors ${binding}: ${JSON.stringify(type)}: of ${JSON.stringify(wrong)}, ${IDENTIFIER_RULE}; choose another name`,
    );
  }
  if (type.length > MAX_TYPE) {
    throw new ConfigurationError(
      `actors ${binding}: ${JSON.stringify(type)}: a type has at most ${MAX_TYPE} characters; use a shorter class name`,
    );
  }
}
