import { resolve } from "node:path";
import { AUTH_CHOICES, authChoice } from "../../cdk/auth-choice.ts";
import { readProject } from "../../project/project.ts";
import { parseArguments } from "../arguments.ts";
import { type CdkRun, runCdk } from "../cdk-cli.ts";
import { CommandError } from "../command-error.ts";

const OPTIONS_HELP = `  project folder       holds actors.toml or telnyx.toml (default: the working directory)
  --stack <name>       the stack's name (default: the name in the manifest)
  --removal <what>     destroy or retain: what becomes of the state when the stack goes (default: retain)
  --owners <list>      stacks that own types which this project only refers to, as in Account:account-svc,Ledger:ledger-svc
  --yes                go on without asking
  -- <argument …>      goes to the CDK CLI as it is, as in -- --profile prod
  -h, --help           show this`;

const DEPLOY_HELP = `Deploys a project as one CloudFormation stack, by the CDK CLI.

  actors deploy [project folder] --auth <who> [options] [-- arguments of cdk deploy]

  --auth <who>         who may call the front door: iam (signed requests of AWS roles and users),
                       jwt:<issuer>,<audience> (bearers of a token), or none (anyone who knows the URL)
${OPTIONS_HELP}

The account and the region are those of the environment; once for each, npx cdk bootstrap. A new version goes the same way.`;

const DESTROY_HELP = `Takes the stack of a project away, by the CDK CLI.

  actors destroy [project folder] [options] [-- arguments of cdk destroy]

${OPTIONS_HELP}

The table with the state stays, unless the stack was deployed with --removal destroy: that is gone for good.`;

/** `actors deploy`: the CDK CLI with the app of this package. */
export function deploy(args: readonly string[]): Promise<void> {
  return run("deploy", args, { help: DEPLOY_HELP, unasked: ["--require-approval", "never"] });
}

/** `actors destroy`: the same the other way around. */
export function destroy(args: readonly string[]): Promise<void> {
  return run("destroy", args, { help: DESTROY_HELP, unasked: ["--force"] });
}

const OPTIONS = {
  stack: { type: "string" },
  auth: { type: "string" },
  removal: { type: "string" },
  owners: { type: "string" },
  yes: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

async function run(
  command: CdkRun["command"],
  args: readonly string[],
  { help, unasked }: { help: string; unasked: readonly string[] },
): Promise<void> {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const { values, positionals } = parseArguments(args.slice(0, end), OPTIONS, CommandError);
  if (values.help === true) return console.log(help);
  if (positionals.length > 1) {
    throw new CommandError(
      `${command} takes one project folder, not ${positionals.length} (${positionals.join(", ")}): name one; what is for cdk stands behind --`,
    );
  }
  const { stack, auth, removal, owners } = values;
  if (command === "deploy" && auth === undefined) {
    throw new CommandError(`--auth is missing: it says who may call the front door; ${AUTH_CHOICES}`);
  }
  if (auth !== undefined && authChoice(auth) === undefined) {
    throw new CommandError(
      `--auth is ${JSON.stringify(auth)}, which is no way to let callers in; ${AUTH_CHOICES}`,
    );
  }
  if (removal !== undefined && removal !== "destroy" && removal !== "retain") {
    throw new CommandError(`--removal is ${JSON.stringify(removal)}: give destroy or retain`);
  }
  const cwd = process.cwd();
  const projectDir = resolve(cwd, positionals[0] ?? ".");
  // A mistake in the manifest is told here, before the CLI of somebody else starts.
  readProject(projectDir);
  process.exitCode = await runCdk({
    command,
    projectDir,
    context: { stack, auth, removal, owners },
    more: [...(values.yes === true ? unasked : []), ...args.slice(end + 1)],
    cwd,
  });
}
