import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Construct } from "constructs";
import { expect, test } from "vitest";
import { type Bundle, FunctionCode, type FunctionSource } from "../../../cdk/function-code.ts";
import { BundleError } from "../../../project/bundle.ts";
import { readProject } from "../../../project/project.ts";
import { fakeBundle, newFolder, synthesize, writeProject } from "./synthesis.ts";

const project = readProject(writeProject());

interface Binding {
  readonly handlers: FunctionSource["handler"][];
  readonly bundle: Bundle;
  readonly outdir?: string;
}

/** Binds the code of the given handlers in one stack. */
function bindCode({ handlers, bundle, outdir = newFolder() }: Binding) {
  const stack = new Stack(new App({ outdir }), "code");
  const keys = handlers.map((handler, index) => {
    const scope = new Construct(stack, `${index}`);
    return new FunctionCode({ project, handler, bundle }).bind(scope).s3Location?.objectKey;
  });
  return { stack, outdir, keys };
}

test("the asset holds the bundle and nothing of the project", () => {
  const { outdir, keys } = bindCode({ handlers: ["worker"], bundle: fakeBundle });
  const folder = join(outdir, `asset.${keys[0]?.replace(".zip", "")}`);
  expect(readdirSync(folder)).toEqual(["index.mjs"]);
  expect(readFileSync(join(folder, "index.mjs"), "utf8")).toContain('"worker"');
});

test("the functions of one project are bundled apart", () => {
  const { keys } = bindCode({ handlers: ["router", "worker", "forwarder"], bundle: fakeBundle });
  expect(new Set(keys).size).toBe(3);
});

test("the hash follows the bundle, not the place of the project", () => {
  const bundle =
    (text: string): Bundle =>
    ({ outDir }) => {
      writeFileSync(join(outDir, "index.mjs"), text);
      return { warnings: [] };
    };
  const key = (text: string) => bindCode({ handlers: ["worker"], bundle: bundle(text) }).keys[0];
  expect(key("one")).toBe(key("one"));
  expect(key("one")).not.toBe(key("two"));
});

test("the source map lies beside the asset, under the asset's hash, in place of an older one", () => {
  const bundle: Bundle = ({ handler, outDir }) => {
    const map = join(`${outDir}-map`, "index.mjs.map");
    writeFileSync(join(outDir, "index.mjs"), handler);
    mkdirSync(dirname(map));
    writeFileSync(map, "{}");
    return { sourceMapFile: map, warnings: [] };
  };
  const { outdir, keys } = bindCode({ handlers: ["worker"], bundle });
  const asset = `asset.${keys[0]?.replace(".zip", "")}`;
  expect(readdirSync(outdir).sort()).toEqual([asset, `${asset}-map`]);

  const used = newFolder();
  mkdirSync(join(used, `${asset}-map`));
  writeFileSync(join(used, `${asset}-map`, "older.map"), "{}");
  bindCode({ handlers: ["worker"], bundle, outdir: used });
  expect(readdirSync(join(used, `${asset}-map`))).toEqual(["index.mjs.map"]);
});

test("an error of the bundler arrives as it was thrown", () => {
  const thrown = new BundleError("src/index.ts:1:8: Expected identifier");
  const bundle: Bundle = () => {
    throw thrown;
  };
  expect(() => synthesize({ bundle })).toThrow(thrown);
});

test("warnings of the bundler become warnings of the stack", () => {
  const bundle: Bundle = (source) => ({ ...fakeBundle(source), warnings: ["src/index.ts:1:8: odd"] });
  const { stack } = bindCode({ handlers: ["worker"], bundle });
  const warnings = stack.node
    .findAll()
    .flatMap(({ node }) => node.metadata)
    .filter(({ type }) => type === "aws:cdk:warning");
  expect(warnings.map(({ data }) => data)).toEqual([expect.stringContaining("src/index.ts:1:8: odd")]);
});

test("commands that deploy nothing do not bundle", () => {
  const bundle: Bundle = () => {
    throw new Error("bundled");
  };
  const context = { "aws:cdk:bundling-stacks": [] };
  expect(() => synthesize({ bundle, context })).not.toThrow();
  const props = { project: writeProject({ source: "not code" }) };
  expect(() => synthesize({ props, context })).not.toThrow();
  expect(() => synthesize({ props })).toThrow(BundleError);
});
