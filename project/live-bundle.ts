import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type BuildContext, type BuildResult, build, context, type Message, stop } from "esbuild";
import { asBundleError, BundleError, type EmbeddedBundle, embeddedOptions, writeEmbedded } from "./bundle.ts";
import type { Project } from "./project.ts";

/** What a change of the bundle could come from. */
export interface WatchedSources {
  /** Absolute. What others have installed is not watched. */
  readonly files: ReadonlySet<string>;
  /** Folders in which something is missing: anything new there may be it. */
  readonly lacking: ReadonlySet<string>;
}

const IN_PACKAGES = /(^|[\\/])node_modules[\\/]/;
/** What besides its sources decides how a project is bundled. */
const SETTINGS = ["tsconfig.json", "package.json"];

/** Does what `bundleForEmbedded` does again and again, each time in a few ms. */
export class LiveBundle {
  readonly #file: string;
  #context: { readonly build: BuildContext; readonly dir: string; readonly main: string } | undefined;
  #isFirst = true;
  #sources: WatchedSources = { files: new Set(), lacking: new Set() };

  /** @param file where the bundle is written; absolute */
  constructor(file: string) {
    this.#file = file;
  }

  /** What the last bundling has looked at, also when it failed. */
  get sources(): WatchedSources {
    return this.#sources;
  }

  /**
   * @returns also a digest of the bundle: the same sources have the same
   * @throws BundleError when the code does not parse or an import does not resolve
   */
  async build(project: Project): Promise<EmbeddedBundle & { readonly digest: string }> {
    const settings = SETTINGS.map((name) => join(project.dir, name));
    try {
      const result = await this.#bundle(project);
      this.#sources = {
        files: new Set([...settings, project.main, ...inputsOf(result, project)]),
        lacking: new Set(),
      };
      return { ...writeEmbedded(result, this.#file), digest: digestOf(result) };
    } catch (error) {
      const reason = asBundleError(error);
      if (reason instanceof BundleError) {
        const { errors } = reason.cause as { errors: readonly Message[] };
        // The last good bundle's files stay watched: the mistake may be undone in any of them.
        const files = [...settings, project.main, ...this.#sources.files, ...placesOf(errors, project)];
        this.#sources = { files: new Set(files), lacking: new Set(lackingIn(errors, project)) };
      }
      throw reason;
    }
  }

  /** Cuts off what is being bundled, and ends esbuild's own process: it must not find its caller gone in the middle of its work. */
  async close(): Promise<void> {
    await this.#dropContext();
    await stop();
  }

  async #dropContext(): Promise<void> {
    await this.#context?.build.cancel();
    await this.#context?.build.dispose();
    this.#context = undefined;
  }

  /**
   * A context keeps the process alive, and that must be able to end while the code is loaded for the first time: a module that
   * never finishes loading shows in nothing else.
   */
  async #bundle(project: Project): Promise<BuildResult> {
    if (this.#isFirst) {
      this.#isFirst = false;
      return build({ ...embeddedOptions(project, this.#file), metafile: true });
    }
    return (await this.#contextOf(project)).rebuild();
  }

  async #contextOf(project: Project): Promise<BuildContext> {
    if (this.#context?.dir === project.dir && this.#context.main === project.main) return this.#context.build;
    await this.#dropContext();
    const build = await context({
      ...embeddedOptions(project, this.#file),
      metafile: true,
    });
    this.#context = { build, dir: project.dir, main: project.main };
    return build;
  }
}

function digestOf({ outputFiles = [] }: BuildResult): string {
  return outputFiles.map(({ hash }) => hash).join();
}

function inputsOf({ metafile }: BuildResult, { dir }: Project): string[] {
  return Object.keys(metafile?.inputs ?? {})
    .filter((path) => !IN_PACKAGES.test(path))
    .map((path) => resolve(dir, path));
}

function placesOf(errors: readonly Message[], { dir }: Project): string[] {
  return errors.flatMap(({ location }) => (location ? [resolve(dir, location.file)] : []));
}

/** Where what could not be found would be: the folder itself may be missing, too. */
function lackingIn(errors: readonly Message[], { dir, main }: Project): string[] {
  return errors.flatMap(({ location, text }) => {
    const [, path] = /^Could not (?:resolve|read from file:) "?(.+?)"?$/.exec(text) ?? [];
    if (path === undefined) return [];
    if (!/^[./]/.test(path)) return [];
    return [nearestFolder(dirname(resolve(dir, location ? dirname(location.file) : dirname(main), path)))];
  });
}

function nearestFolder(dir: string): string {
  return existsSync(dir) || dirname(dir) === dir ? dir : nearestFolder(dirname(dir));
}
