import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ActorClass } from "../runtime/core/method.ts";
import type { SecretBinding } from "../runtime/core/secrets.ts";
import { actorClasses, type FetchHandler, fetchHandler, type ProjectModule } from "./project-module.ts";

/** What a test takes from a project's folder. */
export interface LoadedProject {
  readonly classes: ReadonlyMap<string, ActorClass>;
  /** The type behind each binding. */
  readonly bindings: Readonly<Record<string, string>>;
  readonly handler: FetchHandler | undefined;
  /** What its manifest declares. */
  readonly secrets: readonly SecretBinding[];
}

/**
 * Loads a project as the embedded server does, from its manifest.
 *
 * @param dir its folder, taken from the working directory when relative
 * @throws ManifestError, BundleError, ProjectError
 */
export async function loadProject(dir: string): Promise<LoadedProject> {
  // A test of classes alone does not wait for a bundler.
  const [{ readProject }, { bundleForEmbedded }] = await Promise.all([
    import("../project/project.ts"),
    import("../project/bundle.ts"),
  ]);
  const project = readProject(dir);
  const folder = mkdtempSync(join(tmpdir(), "actors-test-"));
  try {
    const { file } = await bundleForEmbedded(project, join(folder, "index.mjs"));
    for (const [name, value] of Object.entries(project.manifest.envVars)) process.env[name] ??= value;
    const module: ProjectModule = await import(pathToFileURL(file).href);
    const { actors } = project.manifest;
    return {
      classes: actorClasses(module, actors),
      bindings: Object.fromEntries(actors.map(({ binding, type }) => [binding, type])),
      handler: fetchHandler(module),
      secrets: project.manifest.secrets,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
