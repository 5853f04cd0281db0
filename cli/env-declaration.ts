import { basename, dirname, relative, sep } from "node:path";
import type { Manifest } from "../project/manifest.ts";
import type { Project } from "../project/project.ts";
import type { ProjectScan } from "./project-scan.ts";

/** What the first line of a written declaration begins with: a file without it is not ours to replace. */
export const DECLARATION_MARK = "// Written by `actors types`";

/**
 * The TypeScript declaration of a project's `env`: a namespace for each binding of the manifest, the names of its
 * secrets, and nothing for `[env_vars]`, which are in `process.env`.
 * @param options.outFile absolute; imports are written relative to its folder
 */
export function envDeclaration(options: { project: Project; scan: ProjectScan; outFile: string }): string {
  const { project, scan, outFile } = options;
  const entry = JSON.stringify(moduleSpecifier(project.main, outFile));
  const [from] = scan.packages;
  const bindings = project.manifest.actors.flatMap(({ binding, type }) =>
    scan.exports.has(type)
      ? [`    ${binding}: ActorNamespace<import(${entry}).${type}>;`]
      : [...reference(binding, type), `    ${binding}: ActorNamespace<unknown>;`],
  );
  const { secrets } = project.manifest;
  const names = secrets.map(({ binding }) => JSON.stringify(binding)).join(" | ");
  if (secrets.length > 0) bindings.push(`    SECRETS: Secrets<${names}>;`);
  const imported = secrets.length > 0 ? "ActorNamespace, Secrets" : "ActorNamespace";
  return [
    `${DECLARATION_MARK} from ${basename(project.manifestFile)}: run it again after a change.`,
    `import type { ${imported} } from ${JSON.stringify(from)};`,
    ...scan.packages.flatMap((name) => [
      `declare module ${JSON.stringify(name)} {`,
      "  interface Env {",
      ...bindings,
      "  }",
      "}",
    ]),
    "",
  ].join("\n");
}

/** Bindings whose class the entry module does not export. */
export function references({ actors }: Manifest, scan: ProjectScan): Manifest["actors"] {
  return actors.filter(({ type }) => !scan.exports.has(type));
}

function reference(binding: string, type: string): string[] {
  return [
    "    /**",
    `     * The entry module exports no ${type}: another project owns it, and its methods are not known here.`,
    `     * With the owner's class at hand: \`env.${binding} as ActorNamespace<${type}>\`.`,
    "     */",
  ];
}

/** TypeScript takes a path as the file is named, extension and all, with slashes. */
function moduleSpecifier(file: string, fromFile: string): string {
  const path = relative(dirname(fromFile), file).replaceAll(sep, "/");
  return path.startsWith("../") ? path : `./${path}`;
}
