import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { isProjectName, NAME_RULE } from "../../project/manifest.ts";
import { parseArguments } from "../arguments.ts";
import { CommandError } from "../command-error.ts";
import { ownPackage } from "../own-package.ts";
import { type Scaffold, scaffoldFiles } from "../scaffold.ts";

const HELP = `Makes a project that runs: an actor with an alarm, a test of it, and what deploys it.

  actors new <folder> [options]

  folder             made when missing; it must be empty. Its name is that of the project
  --name <name>      another name for the project
  --package <file>   the packed stateful-actors to install (npm pack makes it), where no
                     registry has it
  -h, --help         show this`;

const OPTIONS = {
  name: { type: "string" },
  package: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

const TOOLS = ["@types/node", "aws-cdk", "aws-cdk-lib", "constructs", "typescript"] as const;

/** `actors new`: makes a project. */
export async function newProject(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArguments(args, OPTIONS, CommandError);
  if (values.help === true) return console.log(HELP);
  const [folder, ...more] = positionals;
  if (folder === undefined || folder === "") {
    throw new CommandError("no folder is named: give the one to make, as in actors new my-actors");
  }
  if (more.length > 0) {
    throw new CommandError(
      `one project is made at a time, not ${positionals.length} (${positionals.join(", ")}): name one folder`,
    );
  }
  const dir = resolve(folder);
  const name = projectName(values.name, dir);
  refuseTaken(dir);
  for (const [path, text] of scaffoldFiles({ name, source: source(values.package, dir), tools: tools() })) {
    const file = join(dir, path);
    mkdirSync(dirname(file), { recursive: true });
    // A file that has come meanwhile is somebody's.
    writeFileSync(file, text, { flag: "wx" });
  }
  console.log(
    `made ${name} in ${dir}\n\n  cd ${relative(process.cwd(), dir) || "."}\n  npm install\n  npm test\n  npm run dev`,
  );
}

function projectName(given: string | undefined, dir: string): string {
  const name = given ?? basename(dir);
  if (isProjectName(name)) return name;
  throw new CommandError(
    given === undefined
      ? `the folder's name ${JSON.stringify(name)} can't be that of the project: ${NAME_RULE}; choose another folder, or add --name <name>`
      : `--name is ${JSON.stringify(name)}: ${NAME_RULE}`,
  );
}

function refuseTaken(dir: string): void {
  const found = statSync(dir, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isDirectory())
    throw new CommandError(`${dir} is a file: name a folder that is empty or not there`);
  // A repository that was just made is empty enough.
  const [other] = readdirSync(dir).filter((entry) => entry !== ".git");
  if (other === undefined) return;
  throw new CommandError(
    `${dir} is not empty (it has ${JSON.stringify(other)}): name a folder that is empty or not there`,
  );
}

function source(packed: string | undefined, dir: string): string {
  if (packed === undefined) return `^${ownPackage().version}`;
  const file = resolve(packed);
  if (existsSync(file)) return `file:${relative(dir, file).replaceAll("\\", "/")}`;
  throw new CommandError(
    `--package is ${JSON.stringify(packed)}, which does not exist: name the file that npm pack made`,
  );
}

function tools(): Scaffold["tools"] {
  const { devDependencies } = ownPackage();
  return Object.fromEntries(TOOLS.map((tool) => [tool, devDependencies[tool]])) as Scaffold["tools"];
}
