import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { MANIFEST_TO_PASTE, type Manifest, ManifestError, parseManifest } from "./manifest.ts";

/** The first that is there counts. */
export const MANIFEST_FILES = ["actors.toml", "telnyx.toml"] as const;

/** The code of actors, and what is declared of it; all paths are absolute. */
export interface ProjectCode {
  /** From where messages name files. */
  readonly dir: string;
  readonly manifest: Manifest;
  /** The entry module; it existed when the project was read. */
  readonly main: string;
}

/** A user's project as it lies on disk. */
export interface Project extends ProjectCode {
  readonly manifestFile: string;
}

/**
 * Reads the project in a folder: its `actors.toml`, else its `telnyx.toml`.
 * @param dir taken from the working directory when relative
 * @throws ManifestError when the folder, the manifest or the entry module is missing or not readable, or the manifest breaks a rule
 */
export function readProject(dir: string): Project {
  const root = resolve(dir);
  requireFolder(root);
  const { manifestFile, text } = readManifestFile(root);
  const manifest = parseManifest(text, manifestFile);
  const main = resolve(root, manifest.main);
  requireEntry(main, { manifestFile, written: manifest.main });
  return { dir: root, manifestFile, manifest, main };
}

function requireFolder(dir: string): void {
  const found = lookUp(dir);
  if (found === "is a folder") return;
  throw new ManifestError(
    `the project folder ${dir} ${found}: name the folder that holds ${MANIFEST_FILES.join(" or ")}`,
  );
}

function readManifestFile(dir: string): { manifestFile: string; text: string } {
  for (const name of MANIFEST_FILES) {
    const manifestFile = join(dir, name);
    try {
      return { manifestFile, text: readFileSync(manifestFile, "utf8") };
    } catch (error) {
      if (errorCode(error) === "ENOENT") continue;
      throw new ManifestError(
        `${manifestFile} can't be read (${errorCode(error)}): it must be a readable file`,
        {
          cause: error,
        },
      );
    }
  }
  throw new ManifestError(
    `${dir} has neither ${MANIFEST_FILES.join(" nor ")}: write an ${MANIFEST_FILES[0]} such as\n\n${MANIFEST_TO_PASTE}`,
  );
}

function requireEntry(main: string, from: { manifestFile: string; written: string }): void {
  const found = lookUp(main);
  if (found === "is a file") return;
  throw new ManifestError(
    `${from.manifestFile}: "main" is ${JSON.stringify(from.written)}, which ${found}: name the entry module by its path from the manifest's folder (looked for ${main})`,
  );
}

type Found =
  | "is a file"
  | "is a folder"
  | "is something else"
  | "does not exist"
  | `can't be read (${string})`;

function lookUp(path: string): Found {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return "does not exist";
    if (stats.isFile()) return "is a file";
    return stats.isDirectory() ? "is a folder" : "is something else";
  } catch (error) {
    return `can't be read (${errorCode(error)})`;
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
