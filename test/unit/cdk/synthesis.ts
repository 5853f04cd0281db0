import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { afterAll } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import type { Bundle } from "../../../cdk/function-code.ts";
import { ActorsStack } from "../../../cdk/stack.ts";
import { StatefulActors, type StatefulActorsProps } from "../../../cdk/stateful-actors.ts";

// The CDK's own template rules take seconds to load; the test of the whole app runs them.
process.env.CDK_VALIDATION = "false";

const root = mkdtempSync(join(tmpdir(), "stateful-actors-cdk-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

export const newFolder = (): string => mkdtempSync(join(root, "f-"));

/** A project on disk; `manifest` is TOML text put after its name, entry module and the type `Account`. */
export function writeProject({ manifest = "", source = "export class Account {}\n" } = {}): string {
  const dir = newFolder();
  mkdirSync(join(dir, "src"));
  writeFileSync(join(dir, "src/index.ts"), source);
  writeFileSync(
    join(dir, "actors.toml"),
    `name = "bank"\nmain = "src/index.ts"\n[[actors]]\nbinding = "ACCOUNT"\ntype = "Account"\n${manifest}`,
  );
  return dir;
}

/** Stands for esbuild, whose output the template does not depend on. */
export const fakeBundle: Bundle = ({ handler, outDir }) => {
  writeFileSync(join(outDir, "index.mjs"), `export const handler = () => ${JSON.stringify(handler)};\n`);
  return { warnings: [] };
};

export interface Synthesis {
  readonly props?: Partial<StatefulActorsProps>;
  readonly stackName?: string;
  readonly context?: Record<string, unknown>;
  readonly bundle?: Bundle;
}

/** The template of the stack that the app deploys. */
export function synthesize({ props, stackName = "bank", context = {}, bundle = fakeBundle }: Synthesis = {}) {
  const app = new App({ outdir: newFolder(), context });
  const actors = { project: writeProject(), auth: Auth.none(), ...props };
  return Template.fromStack(new ActorsStack(app, stackName, { actors }, { bundle }));
}

/** The template of a stack with one construct for each id. */
export function synthesizeConstructs(ids: readonly string[]): Template {
  const stack = new Stack(new App({ outdir: newFolder() }), "shared");
  const project = writeProject();
  for (const id of ids) new StatefulActors(stack, id, { project, auth: Auth.none() }, { bundle: fakeBundle });
  return Template.fromStack(stack);
}
