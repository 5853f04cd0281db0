import type { Project } from "../project/project.ts";

export interface Served {
  readonly project: Project;
  readonly module: Readonly<Record<string, unknown>>;
  readonly url: string;
  /** `undefined`: in memory. */
  readonly stateDir: string | undefined;
  /** Whether it is the example of this package, whose routes are known. */
  readonly isExample: boolean;
  /** Whether its inspector is there. */
  readonly inspected: boolean;
}

/** What the developer reads once the server listens. */
export function greeting(served: Served): string {
  const { project, module, url, stateDir, inspected } = served;
  const actors = project.manifest.actors.map(({ binding, type }) =>
    Object.hasOwn(module, type)
      ? `env.${binding} (class ${type})`
      : `env.${binding} (${type} of another project: no class ${type} is exported here)`,
  );
  return [
    `serving ${project.manifest.name} on ${url}`,
    "",
    `  project  ${project.dir}`,
    ...actors.map((actor, index) => `  ${index === 0 ? "actors " : "       "}  ${actor}`),
    `  state    ${stateDir ?? "in memory, gone when this ends"}`,
    ...(inspected ? [`  look     ${url}/__actors`] : []),
    "",
    "Try it:",
    `  ${firstCommand(served)}`,
    "",
    "Ctrl+C stops it.",
  ].join("\n");
}

function firstCommand({ project, module, url, isExample }: Served): string {
  const json = "-H 'content-type: application/json'";
  if (isExample) return `curl -X POST ${url}/accounts/alice/deposit ${json} -d '{"amount":100}'`;
  if (hasFetch(module.default)) return `curl ${url}/`;
  const type = project.manifest.actors[0]?.type ?? "<type>";
  return `curl -X POST ${url}/${type}/alice/${firstMethod(module[type])} ${json} -d '[]'`;
}

function hasFetch(front: unknown): boolean {
  return typeof front === "object" && front !== null && "fetch" in front && typeof front.fetch === "function";
}

function firstMethod(actor: unknown): string {
  const methods = typeof actor === "function" ? Object.getOwnPropertyDescriptors(actor.prototype) : {};
  const special = /^(_.*|constructor|fetch|alarm|onAlarmDropped|webSocket)$/;
  const found = Object.entries(methods).find(
    ([name, { value }]) => typeof value === "function" && !special.test(name),
  );
  return found?.[0] ?? "<method>";
}
