import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import type { Bundle } from "../../../cdk/function-code.ts";
import type { ProjectSource } from "../../../cdk/project-source.ts";
import { StatefulActors } from "../../../cdk/stateful-actors.ts";
import { bundleForLambda } from "../../../project/bundle.ts";
import { functionOf, only, resources, variables } from "./resources.ts";
import { fakeBundle, newFolder, writeProject } from "./synthesis.ts";

/** A module without a manifest. */
function writeModule(source: string, { dir = newFolder(), name = "actors.ts" } = {}): string {
  const file = join(dir, name);
  writeFileSync(file, `import { StatefulActor } from "stateful-actors";\n${source}`);
  return file;
}

const account = () => writeModule("export class Account extends StatefulActor {}\n");
const newStack = () => new Stack(new App({ outdir: newFolder() }), "bank");

function deploy(source: ProjectSource, { bundle = fakeBundle, id = "Actors", stack = newStack() } = {}) {
  const actors = new StatefulActors(stack, id, { ...source, auth: Auth.none() }, { bundle });
  return { stack, actors, template: () => Template.fromStack(stack) };
}

describe("a module and its actors", () => {
  test("are deployed without a manifest, by the bindings given", () => {
    const bundles: string[] = [];
    const bundle: Bundle = (source) => {
      const { sourceMapFile, warnings } = bundleForLambda(source);
      const { main, manifest } = source.project;
      bundles.push(`${source.handler} ${main} ${JSON.stringify(manifest.actors)}`);
      return { sourceMapFile, warnings };
    };
    const entry = account();
    const source = { entry: relative(process.cwd(), entry), actors: { BANK: "Account", SAVINGS: "Account" } };
    const { actors, template } = deploy(source, { bundle });
    expect([...actors.types]).toEqual(["Account"]);
    const declared = '[{"binding":"BANK","type":"Account"},{"binding":"SAVINGS","type":"Account"}]';
    expect(bundles.sort()).toEqual(
      ["forwarder", "router", "worker"].map((each) => `${each} ${entry} ${declared}`),
    );
    const [, worker] = functionOf(template(), "Worker");
    expect(worker.Properties.Description).toBe("Worker of bank/Actors: runs the turns of its actors");
  });

  test("of one folder have code of their own", () => {
    const dir = newFolder();
    const [one, two] = ["one.ts", "two.ts"].map((name) =>
      writeModule("export class A extends StatefulActor {}\n", { dir, name }),
    );
    const sources = [
      { entry: one, actors: { X: "A" } },
      { entry: two, actors: { X: "A" } },
      { entry: two, actors: { Y: "A" } },
    ] as ProjectSource[];
    const stack = newStack();
    const bundle: Bundle = ({ handler, project, outDir }) => {
      const { main, manifest } = project;
      writeFileSync(join(outDir, "index.mjs"), `${handler} ${main} ${JSON.stringify(manifest.actors)}`);
      return { warnings: [] };
    };
    for (const [index, source] of sources.entries()) deploy(source, { bundle, id: `Actors${index}`, stack });
    const functions = Object.values(resources(Template.fromStack(stack), "AWS::Lambda::Function"));
    const codes = functions.map(({ Properties }) => JSON.stringify(Properties.Code));
    expect(new Set(codes).size).toBe(9);
  });

  test("leave room in the description for however deep a construct lies", () => {
    const { template } = deploy({ entry: account(), actors: { A: "Account" } }, { id: "x".repeat(200) });
    const [, { Properties }] = functionOf(template(), "Forwarder");
    expect(String(Properties.Description).length).toBeLessThanOrEqual(256);
  });

  test("must fit together: a class that is not exported needs an owner", () => {
    expect(() => deploy({ entry: account(), actors: { A: "Acount" } })).toThrow(
      /^the type Acount of bank\/Actors: actors\.ts exports no Acount \(did you mean Account\?\)/,
    );
  });
});

describe("variables of the code", () => {
  test("go to the functions that run it, beside those of the manifest and before them", () => {
    const project = writeProject({ manifest: '[env_vars]\nCURRENCY = "EUR"\nCOUNTRY = "DE"\n' });
    const stack = newStack();
    const bucket = new Bucket(stack, "Bucket");
    const environment = { CURRENCY: "USD", BUCKET: bucket.bucketName };
    const { template } = deploy({ project, environment }, { stack });
    const [bucketId] = only(template(), "AWS::S3::Bucket", () => true);
    for (const handler of ["Worker", "Router"] as const) {
      expect(variables(functionOf(template(), handler)[1])).toMatchObject({
        CURRENCY: "USD",
        COUNTRY: "DE",
        BUCKET: { Ref: bucketId },
      });
    }
    expect(variables(functionOf(template(), "Forwarder")[1])).not.toHaveProperty("BUCKET");
  });

  test.each([
    [{ "A-B": "1" }, 'environment "A-B": Lambda takes names '],
    [{ AWS_REGION: "x" }, "environment AWS_REGION: Lambda keeps that name for itself"],
    [{ COUNT: 1 as never }, "environment COUNT: the value must be a text"],
    [{ ACTOR_TABLE: "mine" }, "environment ACTOR_TABLE: the handlers read their own settings"],
    [{ SECRET_IDS: "mine" }, "environment SECRET_IDS: the handlers read their own settings"],
    [{ ACTORS_STACK: "mine" }, "environment ACTORS_STACK: the handlers read their own settings"],
  ])("%j is refused", (environment, message) => {
    const attempt = () => deploy({ entry: account(), actors: { A: "Account" }, environment });
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(message);
  });
});

test("a variable in the place of a secret is refused", () => {
  const project = writeProject({ manifest: '[[secrets]]\nbinding = "STRIPE"\nname = "prod/stripe"\n' });
  const attempt = () => deploy({ project, environment: { STRIPE: "sk" } });
  expect(attempt).toThrow(ConfigurationError);
  expect(attempt).toThrow(/^environment STRIPE: the project has a secret of this name, [^\n]+$/);
});

describe("what does not say whose actors are deployed is refused", () => {
  const entry = account();
  const actors = { A: "Account" };

  test.each<[ProjectSource, string]>([
    [{}, "neither project nor entry: "],
    [{ actors }, "neither project nor entry: "],
    [{ project: "examples/account", entry, actors }, `project examples/account and entry ${entry}: `],
    [{ project: "examples/account", actors }, "actors with the project examples/account: "],
    [{ entry }, `entry ${entry} without actors: `],
    [{ entry, actors: {} }, `entry ${entry} without actors: `],
    [{ entry: "no/such.ts", actors }, "entry no/such.ts: there is no such file; "],
    [{ entry: "cdk", actors }, "entry cdk: there is no such file; "],
    [{ entry, actors: { "A-B": "Account" } }, 'actors A-B: "Account": of "A-B", it must start '],
    [{ entry, actors: { A: "Acc__ount" } }, 'actors A: "Acc__ount": of "Acc__ount", it must start '],
    [{ entry, actors: { A: "A".repeat(33) } }, "actors A: "],
  ])("%j", (source, message) => {
    const attempt = () => deploy(source);
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(/^[^\n]+$/);
  });
});
