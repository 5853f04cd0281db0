import { rmSync } from "node:fs";
import { isActorClass, ProjectError } from "../handlers/project-module.ts";
import { LiveBundle, type WatchedSources } from "../project/live-bundle.ts";
import type { Manifest } from "../project/manifest.ts";
import { type Project, readProject } from "../project/project.ts";
import { nearName } from "../runtime/core/near-name.ts";
import type { Secrets } from "../runtime/core/secrets.ts";
import { loadUserModule } from "./user-module.ts";

type UserModule = Readonly<Record<string, unknown>>;

/** A project whose code was loaded. */
export interface CurrentCode {
  readonly project: Project;
  readonly module: UserModule;
  /** Of a project that declares any. */
  readonly secrets: Secrets | undefined;
  readonly warnings: readonly string[];
}

export interface LiveCodeOptions {
  /** As it was first read: its name decides where the state is. */
  readonly project: Project;
  /** Where the bundle is written. */
  readonly bundleFile: string;
  /** Before this no code of the project runs. */
  readonly ready: Promise<void>;
  /** Whether the file goes as soon as it is loaded. */
  readonly leaveNothing: boolean;
}

/** A project's code as its files are by now. */
export class LiveCode {
  readonly #options: LiveCodeOptions;
  readonly #bundle: LiveBundle;
  readonly #environment = new ManifestEnvironment();
  #loads = 0;
  #last: { readonly digest: string; readonly module: UserModule } | undefined;
  #manifestFile: string;

  constructor(options: LiveCodeOptions) {
    this.#options = options;
    this.#bundle = new LiveBundle(options.bundleFile);
    this.#manifestFile = options.project.manifestFile;
  }

  /** What a change could come from. */
  get sources(): WatchedSources {
    const { files, lacking } = this.#bundle.sources;
    return { files: new Set([...files, this.#manifestFile]), lacking };
  }

  /**
   * Reads, bundles and runs what the files hold. The same bundle is not run a second time.
   *
   * @throws ManifestError, BundleError, UserModuleError, ProjectError: what is wrong with them
   */
  async load(): Promise<CurrentCode> {
    const first = this.#options.project;
    const project = this.#loads === 0 ? first : readProject(first.dir);
    this.#manifestFile = project.manifestFile;
    const { name } = project.manifest;
    if (name !== first.manifest.name) {
      throw new ProjectError(
        `the name is ${JSON.stringify(name)} now, and its state is kept elsewhere: end this server and start it again, or name it ${JSON.stringify(first.manifest.name)} again`,
      );
    }
    const bundle = await this.#bundle.build(project);
    this.#environment.set(project.manifest.envVars);
    if (this.#last?.digest !== bundle.digest) {
      this.#last = { digest: bundle.digest, module: await this.#run(project, bundle.file) };
    }
    const { module } = this.#last;
    refuseSlips(project.manifest.actors, module);
    const { secrets, missing } = await secretsOf(project);
    return {
      project,
      module,
      secrets,
      warnings: [...project.manifest.warnings, ...missing, ...bundle.warnings],
    };
  }

  /** Nothing is loaded any more. What runs goes on. */
  async close(): Promise<void> {
    await this.#bundle.close();
  }

  async #run(project: Project, file: string): Promise<UserModule> {
    try {
      await this.#options.ready;
      return await loadUserModule(project, file, this.#loads++);
    } finally {
      if (this.#options.leaveNothing) rmSync(file, { force: true });
    }
  }
}

/** The secrets of a project that declares any, and a line for each that has no value here. */
async function secretsOf({
  dir,
  manifest,
}: Project): Promise<{ secrets: Secrets | undefined; missing: readonly string[] }> {
  if (manifest.secrets.length === 0) return { secrets: undefined, missing: [] };
  // Most projects have none, and their server is ready sooner.
  const { localSecretSource, missingSecrets, processSecrets } = await import("../handlers/local-secrets.ts");
  const source = localSecretSource(dir);
  const missing = await missingSecrets(manifest.secrets, source);
  return {
    secrets: processSecrets(manifest.secrets, source),
    missing: missing.map(({ message }) => message),
  };
}

/** What the manifest's [env_vars] set; the environment wins over them. */
class ManifestEnvironment {
  readonly #set = new Map<string, string>();

  set(variables: Manifest["envVars"]): void {
    for (const [name, value] of this.#set) if (process.env[name] === value) delete process.env[name];
    this.#set.clear();
    for (const [name, value] of Object.entries(variables)) {
      if (process.env[name] !== undefined) continue;
      process.env[name] = value;
      this.#set.set(name, value);
    }
  }
}

/** A type that another project owns is not exported; one that is nearly exported is a slip. */
function refuseSlips(actors: Manifest["actors"], module: UserModule): void {
  for (const { binding, type } of actors) {
    if (Object.hasOwn(module, type)) continue;
    const bound = new Set(actors.map((each) => each.type));
    const free = Object.keys(module).filter((name) => isActorClass(module[name]) && !bound.has(name));
    const meant = nearName(type, free);
    if (meant === undefined) continue;
    throw new ProjectError(
      `the manifest binds ${binding} to type "${type}", which the entry module does not export: did you mean "${meant}"? (A type that another project owns needs a name of its own.)`,
    );
  }
}
