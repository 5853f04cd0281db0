import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { BundleError } from "../project/bundle.ts";
import { ManifestError } from "../project/manifest.ts";
import { readProject } from "../project/project.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { readContext } from "./context.ts";
import { ActorsStack } from "./stack.ts";
import { StatefulActors } from "./stateful-actors.ts";

const DEFAULT_PROJECT = join(import.meta.dirname, "../examples/account");

try {
  // Synthesized below, and not again when the process ends after an error.
  const app = new App({ autoSynth: false });
  const context = readContext(app.node, { defaultProject: DEFAULT_PROJECT });
  const { project, stackName, auth, removalPolicy } = context;
  const owners = [...context.owners].map(([type, stack]) => [
    type,
    // An id that no stack can have.
    StatefulActors.fromStack(app, `owner:${type}`, stack),
  ]);
  const { manifest } = readProject(project);
  new ActorsStack(app, stackName ?? manifest.name, {
    description: `Stateful actors of ${manifest.name}`,
    actors: { project, auth, owners: Object.fromEntries(owners), ...(removalPolicy && { removalPolicy }) },
  });
  app.synth();
} catch (error) {
  const isTheirs = [ConfigurationError, ManifestError, BundleError].some((kind) => error instanceof kind);
  if (!isTheirs) throw error;
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 1;
}
