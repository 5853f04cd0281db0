import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { projectFolder } from "../project/project-folder.ts";
import { runActors } from "./run-actors.ts";

const repository = join(import.meta.dirname, "../../..");
const packageJson = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));

const KNOWN =
  "the commands are new, dev, start, types, list, inspect, call, export, import, delete, deploy, destroy, logs, doctor, dlq, and actors --help tells what they do";

test.each(["--help", "-h"])("%s lists every command in a line of its own", async (option) => {
  const { code, stdout, stderr } = await runActors(projectFolder({}), option);
  expect({ code, stderr }).toStrictEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^ {2}dev +\w/m);
  expect(stdout).toMatch(/^ {2}types +\w/m);
  expect(stdout).toMatch(/^ {2}dlq +\w/m);
});

test("--version is the package's", async () => {
  expect(await runActors(projectFolder({}), "--version")).toStrictEqual({
    code: 0,
    stdout: `${packageJson.version}\n`,
    stderr: "",
  });
});

test.each([
  ["dev", ["--port", "--state"]],
  ["start", ["--port", "--state"]],
  ["types", ["--out", "--check"]],
])("%s --help shows what the command takes, and does nothing", async (command, options) => {
  const { code, stdout, stderr } = await runActors(projectFolder({}), command, "--help");
  expect({ code, stderr }).toStrictEqual({ code: 0, stderr: "" });
  for (const part of [`actors ${command} [project folder]`, ...options]) expect(stdout).toContain(part);
});

describe("a mistake is one line, with the nearest of what there is", () => {
  test.each([
    [["tpyes"], `"tpyes" is no command of actors: did you mean types? ${KNOWN}`],
    [["serve"], `"serve" is no command of actors: ${KNOWN}`],
    [["constructor"], `"constructor" is no command of actors: ${KNOWN}`],
    [[""], `"" is no command of actors: ${KNOWN}`],
    [["--versoin"], `"--versoin" is no option of actors: did you mean --version? ${KNOWN}`],
    [[], `no command is given: ${KNOWN}`],
  ])("%j", async (args, message) => {
    expect(await runActors(projectFolder({}), ...args)).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${message}\n`,
    });
  });
});

test("the built program is the one that the package installs, and a shell can run it", () => {
  expect(packageJson.bin).toStrictEqual({ actors: "dist/cli/actors.js" });
  const { config } = ts.readConfigFile(join(repository, "tsconfig.build.json"), ts.sys.readFile);
  const built = (file: string) =>
    ts.transpileModule(readFileSync(join(repository, "cli", file), "utf8"), {
      fileName: file,
      compilerOptions: {
        ...config.compilerOptions,
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
      },
    }).outputText;
  expect(built("actors.ts").startsWith("#!/usr/bin/env node\n")).toBe(true);
  expect(built("actors.ts")).toContain('import("./run.js")');
  expect(built("run.ts")).toContain('import("./commands/types.js")');
});
