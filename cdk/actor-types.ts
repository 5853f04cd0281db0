import type { ProjectCode } from "../project/project.ts";
import { nearName } from "../runtime/core/near-name.ts";
import type { IStatefulActors } from "./callable-actors.ts";
import { ConfigurationError } from "./configuration-error.ts";

/** The types of a project, by where their instances live. */
export interface ActorTypes {
  readonly own: ReadonlySet<string>;
  /** The types that the project only refers to. */
  readonly owners: ReadonlyMap<string, IStatefulActors>;
}

export interface TypeSources {
  readonly project: ProjectCode;
  /** By type. */
  readonly owners: Readonly<Record<string, IStatefulActors>>;
  /** What the entry module exports; undefined where it was not looked at, and what has no owner is taken to be there. */
  readonly exported: ReadonlySet<string> | undefined;
}

/**
 * Sorts the types that a manifest declares: those that the entry module exports live here, the others with their owner.
 * Throws a ConfigurationError for a type with neither of the two, or with both, and for an owner of a type that the
 * manifest does not declare.
 */
export function sortTypes({ project, owners, exported }: TypeSources): ActorTypes {
  const { name, main, actors } = project.manifest;
  const declared = new Set(actors.map(({ type }) => type));
  for (const type of Object.keys(owners)) {
    if (!declared.has(type)) {
      throw new ConfigurationError(
        `owner of the type ${type}: the manifest of ${name} declares no such type; add it there, or choose one that it declares: ${[...declared].join(", ")}`,
      );
    }
    if (exported?.has(type)) {
      throw new ConfigurationError(
        `owner of the type ${type}: ${main} of ${name} exports ${type}, so its instances live here; take the owner away, or the export`,
      );
    }
  }
  const owned = new Map(Object.entries(owners));
  const own = [...declared].filter((type) => !owned.has(type));
  for (const type of own) {
    if (exported === undefined || exported.has(type)) continue;
    const free = [...exported].filter((each) => each !== "default" && !declared.has(each));
    const near = nearName(type, free);
    throw new ConfigurationError(
      `the type ${type} of ${name}: ${main} exports no ${type}${near ? ` (did you mean ${near}?)` : ""}, and a type whose class is not here needs an owner; export the class, or say who owns it: owners: { ${type}: … }, or -c owners=${type}:<stack name>`,
    );
  }
  return { own: new Set(own), owners: owned };
}
