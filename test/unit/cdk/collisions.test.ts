import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { ActorsStack } from "../../../cdk/stack.ts";
import { StatefulActors, type StatefulActorsProps } from "../../../cdk/stateful-actors.ts";
import { chosenNames } from "./names.ts";
import { withoutDigests } from "./resources.ts";
import { fakeBundle, newFolder, writeProject } from "./synthesis.ts";

const project = writeProject();
const internals = { bundle: fakeBundle };

/** All that names itself: what is on by default, and what can be asked for. */
const all = (): StatefulActorsProps => ({
  project,
  auth: Auth.jwt({ issuer: "https://issuer.example", audience: ["app"] }),
  cors: { allowOrigins: ["*"] },
  shards: 2,
  drainingShards: 1,
});

const overlap = (names: readonly { type: string; name: string }[]) => {
  const seen = new Set<string>();
  return names.map(({ type, name }) => `${type} ${name}`).filter((each) => seen.size === seen.add(each).size);
};

const KINDS = [
  "AWS::ApiGatewayV2::Api",
  "AWS::Logs::LogGroup",
  "AWS::SQS::Queue",
  "AWS::Scheduler::ScheduleGroup",
];

describe("no name is chosen twice", () => {
  test("by two constructs of one stack", () => {
    const stack = new Stack(new App({ outdir: newFolder() }), "shared");
    for (const id of ["One", "Two"]) new StatefulActors(stack, id, all(), internals);
    const names = chosenNames(Template.fromStack(stack));
    expect(names.map(({ type }) => type)).toEqual(expect.arrayContaining(KINDS));
    expect(overlap(names)).toEqual([]);
  });

  test("by two stacks of one account, however alike their names begin", () => {
    const app = new App({ outdir: newFolder() });
    const long = "s".repeat(100);
    // Of so long a name there is no room for the number of a shard.
    const one = { shards: 1, drainingShards: 0 };
    const stacks = [
      ...["one", "two"].map((name) => new ActorsStack(app, name, { actors: all() }, internals)),
      ...["1", "2"].map(
        (end) => new ActorsStack(app, `${long}${end}`, { actors: { ...all(), ...one } }, internals),
      ),
    ];
    const names = stacks.flatMap((stack) => chosenNames(Template.fromStack(stack)));
    expect(names.map(({ type }) => type)).toEqual(expect.arrayContaining([...KINDS, "export"]));
    expect(overlap(names)).toEqual([]);
  });

  test("by the same project in two stages of one account, whose stacks have names of their own", () => {
    const app = new App({ outdir: newFolder() });
    const stacks = ["test", "live"].map(
      (stage) => new ActorsStack(app, stage, { stackName: `bank-${stage}`, actors: all() }, internals),
    );
    const names = stacks.flatMap((stack) => chosenNames(Template.fromStack(stack)));
    expect(overlap(names)).toEqual([]);
  });

  test("which this would notice", () => {
    const names = ["One", "Two"].flatMap(() => {
      const stack = new ActorsStack(new App({ outdir: newFolder() }), "bank", { actors: all() }, internals);
      return chosenNames(Template.fromStack(stack));
    });
    expect(overlap(names).map((each) => each.split(" ")[0])).toEqual(
      expect.arrayContaining([...KINDS, "export"]),
    );
  });
});

test("two constructs of one stack keep their hands off each other's queues, tables and functions", () => {
  const stack = new Stack(new App({ outdir: newFolder() }), "shared");
  for (const id of ["One", "Two"]) new StatefulActors(stack, id, all(), internals);
  const { Resources } = Template.fromStack(stack).toJSON() as { Resources: Record<string, unknown> };
  const ids = { One: [] as string[], Two: [] as string[] };
  for (const id of Object.keys(Resources)) ids[id.startsWith("One") ? "One" : "Two"].push(id);
  const kinds = (own: readonly string[]) =>
    own.map((id) => withoutDigests(id).replace(/^(One|Two)(.*).{8}$/, "$2")).sort();
  expect(kinds(ids.One)).toEqual(kinds(ids.Two));
  for (const [own, other] of [
    [ids.One, ids.Two],
    [ids.Two, ids.One],
  ] as const) {
    const text = JSON.stringify(own.map((id) => Resources[id]));
    for (const id of other) expect(text).not.toContain(`"${id}"`);
  }
});
