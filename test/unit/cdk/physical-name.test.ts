import { App, NestedStack, Stack, Stage } from "aws-cdk-lib";
import { Construct } from "constructs";
import { expect, test } from "vitest";
import { physicalName } from "../../../cdk/physical-name.ts";
import { newFolder } from "./synthesis.ts";

// An app makes its output folder at once.
const newApp = () => new App({ outdir: newFolder() });

test("is readable, legal and at most 80 characters long, or as told", () => {
  const short = physicalName(new Construct(new Stack(newApp(), "bank"), "Mailbox"), { suffix: ".fifo" });
  expect(short).toMatch(/^bank-Mailbox-[0-9a-f]{8}\.fifo$/);
  const long = physicalName(new Construct(new Stack(newApp(), "s".repeat(128)), "Mailbox"), {
    suffix: ".fifo",
  });
  expect(long).toMatch(/^s+-[0-9a-f]{8}\.fifo$/);
  expect(long).toHaveLength(80);
  const shorter = physicalName(new Construct(new Stack(newApp(), "s".repeat(128)), "Mailbox"), {
    maxLength: 64,
  });
  expect(shorter).toMatch(/^s{55}-[0-9a-f]{8}$/);
});

test("differs between stacks that begin alike, and between constructs with one id", () => {
  const stacks = ["1", "2"].map((end) => new Stack(newApp(), `${"s".repeat(127)}${end}`));
  const scopes = stacks.flatMap((stack) => [stack, new Construct(stack, "Group")]);
  const names = scopes.map((scope) => physicalName(new Construct(scope, "Mailbox")));
  expect(new Set(names).size).toBe(4);
});

test("follows the name of the stack, not its id or its stage", () => {
  const app = newApp();
  const direct = new Stack(app, "One", { stackName: "bank" });
  const staged = new Stack(new Stage(app, "Production"), "Two", { stackName: "bank" });
  const [name, again] = [direct, staged].map((stack) => physicalName(new Construct(stack, "Mailbox")));
  expect(again).toBe(name);
});

test("differs between equal nested stacks", () => {
  const app = newApp();
  const parents = [new Stack(app, "one"), new Stack(app, "two")];
  const nested = parents.flatMap((parent) => ["A", "B"].map((id) => new NestedStack(parent, id)));
  const names = nested.map((stack) => physicalName(new Construct(stack, "Mailbox")));
  expect(new Set(names).size).toBe(4);
  for (const name of names) expect(name).toMatch(/^(one|two)-Mailbox-[0-9a-f]{8}$/);
});
