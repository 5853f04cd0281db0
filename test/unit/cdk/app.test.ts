import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { newFolder, writeProject } from "./synthesis.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** Runs the app as the CDK CLI does, but for the bundling, which it leaves out as for `cdk destroy` unless told. */
function runApp(context: Record<string, unknown>, { cwd = ROOT, bundling = [] as string[] } = {}) {
  const out = newFolder();
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "cdk/app.ts")], {
    cwd,
    encoding: "utf8",
    env: {
      ...process.env,
      CDK_OUTDIR: out,
      CDK_VALIDATION: "true",
      CDK_CONTEXT_JSON: JSON.stringify({ ...context, "aws:cdk:bundling-stacks": bundling }),
    },
  });
  return { status, stderr, out };
}

const actorTableFate = (out: string, stack: string): unknown => {
  const { Resources } = JSON.parse(readFileSync(join(out, `${stack}.template.json`), "utf8"));
  return Resources.ActorsActorTable8D6B08C6.DeletionPolicy;
};

// Each test starts a Node process that loads the CDK.
describe("the CDK app", { timeout: 60_000 }, () => {
  test("deploys examples/account under the name in its manifest, and keeps its state", () => {
    const { status, stderr, out } = runApp({});
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(actorTableFate(out, "account-svc")).toBe("Retain");
  });

  test("deploys another project, given from the working directory, under another name, to be destroyed", () => {
    const project = writeProject();
    const context = { project: "src/..", stack: "bank-of-tests", removal: "destroy" };
    const { status, stderr, out } = runApp(context, { cwd: project });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(actorTableFate(out, "bank-of-tests")).toBe("Delete");
    expect(existsSync(join(out, "bank.template.json"))).toBe(false);
  });

  test("lets in whom it is told to, and refuses to deploy without being told", () => {
    const untold = runApp({}, { bundling: ["**"] });
    expect(untold.status).toBe(1);
    expect(untold.stderr).toMatch(/^error: -c auth is missing: [^\n]+\n$/);
    expect(existsSync(join(untold.out, "manifest.json"))).toBe(false);
    const { status, stderr, out } = runApp({ auth: "iam" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(readFileSync(join(out, "account-svc.template.json"), "utf8")).toContain('"AWS_IAM"');
  });

  test("refuses a wrong context in one line and makes nothing", () => {
    const { status, stderr, out } = runApp({ removal: "delete" });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: -c removal=delete: [^\n]+\n$/);
    expect(existsSync(join(out, "manifest.json"))).toBe(false);
  });

  const LEDGER = '[[actors]]\nbinding = "LEDGER"\ntype = "Ledger"\n';

  test("finds the owner of a type that the project does not export by the name of its stack", () => {
    const project = writeProject({ manifest: LEDGER });
    const { status, stderr, out } = runApp({ project, owners: "Ledger:ledger-svc" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { Resources } = JSON.parse(readFileSync(join(out, "bank.template.json"), "utf8"));
    const imports = [...JSON.stringify(Resources).matchAll(/"Fn::ImportValue":"([^"]+)"/g)].map(
      ([, name]) => name,
    );
    expect([...new Set(imports)].sort()).toEqual([
      "ledger-svc-DelayQueueArn",
      "ledger-svc-MailboxArn",
      "ledger-svc-ReplyTableArn",
    ]);
  });

  test("refuses a type with neither class nor owner in one line, and makes nothing", () => {
    const project = writeProject({ manifest: LEDGER });
    const { status, stderr, out } = runApp({ project, auth: "none" }, { bundling: ["**"] });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: the type Ledger of bank: [^\n]+ -c owners=Ledger:<stack name>\n$/);
    expect(existsSync(join(out, "manifest.json"))).toBe(false);
  });

  test("refuses a variable that hides one of ours in one line", () => {
    const { status, stderr } = runApp({
      project: writeProject({ manifest: '[env_vars]\nACTOR_TABLE = "t"\n' }),
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: \[env_vars\] ACTOR_TABLE: [^\n]+\n$/);
  });

  test("passes on what is wrong with a manifest, without a stack trace", () => {
    const project = writeProject();
    writeFileSync(join(project, "actors.toml"), 'name = "bank"\n');
    const { status, stderr } = runApp({ project });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: .*actors\.toml/);
    expect(stderr).not.toContain("    at ");
  });
});

describe("cdk.json", () => {
  const settings = JSON.parse(readFileSync(join(ROOT, "cdk.json"), "utf8"));

  test("sets every feature flag that the installed CDK recommends, so that an upgrade changes no template by itself", () => {
    const file = join(ROOT, "node_modules/aws-cdk-lib/recommended-feature-flags.json");
    expect(settings.context).toEqual(JSON.parse(readFileSync(file, "utf8")));
  });
});
