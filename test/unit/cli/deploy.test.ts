import { realpathSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { projectFolder } from "../project/project-folder.ts";
import { runActors } from "./run-actors.ts";

const REPOSITORY = join(import.meta.dirname, "../../..");

/** A project with a CDK CLI of its own, which tells what it is asked for. */
const FILES = {
  "actors.toml": 'name = "shop"\nmain = "index.ts"\n[[actors]]\nbinding = "CART"\ntype = "Cart"\n',
  "index.ts": "export class Cart {}",
  "node_modules/aws-cdk/package.json": '{"name":"aws-cdk","exports":{"./bin/cdk":"./bin/cdk"}}',
  "node_modules/aws-cdk/bin/cdk":
    "console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd() })); process.exitCode = 3;",
};

describe("actors deploy and destroy", () => {
  test("hand the project over to its CDK CLI, with the app and the flags of this package, and end as it ends", async () => {
    const cwd = realpathSync(projectFolder(FILES));
    const given = [
      "--auth",
      "jwt:https://i.example,app",
      "--stack",
      "my-shop",
      "--removal",
      "destroy",
      "--owners",
      "A:b",
    ];
    const { code, stdout, stderr } = await runActors(
      cwd,
      "deploy",
      ...given,
      "--yes",
      "--",
      "--profile",
      "p",
    );
    expect([code, stderr]).toEqual([3, ""]);
    expect(JSON.parse(stdout)).toEqual({
      args: [
        "deploy",
        "--all",
        "--app",
        "node cdk/app.ts",
        "--output",
        join(cwd, "cdk.out"),
        ...["-c", `project=${cwd}`, "-c", "stack=my-shop", "-c", "auth=jwt:https://i.example,app"],
        ...["-c", "removal=destroy", "-c", "owners=A:b"],
        "--require-approval",
        "never",
        "--profile",
        "p",
      ],
      cwd: REPOSITORY,
    });
    const destroyed = JSON.parse((await runActors(cwd, "destroy", ".", "--yes")).stdout).args;
    expect([destroyed[0], destroyed.at(-1)]).toEqual(["destroy", "--force"]);
    expect(JSON.parse((await runActors(cwd, "destroy")).stdout).args).not.toContain("--force");
  });

  test.each([
    [["deploy", "a", "b"], "deploy takes one project folder, not 2 (a, b)"],
    [["deploy"], "--auth is missing: it says who may call the front door; give iam ("],
    [["deploy", "--auth", "open"], '--auth is "open", which is no way to let callers in; give iam ('],
    [["deploy", "--auth", "none", "--removal", "keep"], '--removal is "keep": give destroy or retain'],
    [["deploy", "elsewhere", "--auth", "iam"], "actors.toml"],
    [["destroy", "--stak", "s"], "Unknown option '--stak'"],
  ])("a mistake is told before anything starts: %j", async (args, mistake) => {
    const { code, stdout, stderr } = await runActors(projectFolder(FILES), ...args);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(mistake);
  });

  test.each(["deploy", "destroy"])("%s --help teaches", async (command) => {
    const { code, stdout } = await runActors(projectFolder({}), command, "--help");
    expect(code).toBe(0);
    for (const part of [`actors ${command} [project folder]`, "--stack <name>", "--removal", "-- <argument"])
      expect(stdout).toContain(part);
  });
});
