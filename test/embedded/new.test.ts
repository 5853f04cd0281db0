import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { runActors } from "../unit/cli/run-actors.ts";
import { projectFolder } from "../unit/project/project-folder.ts";
import { startDev } from "./dev-server.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const SOON = { timeout: 120_000, interval: 50 };

const run = promisify(execFile);

describe("a new project, with the packed package", () => {
  let dir: string;
  let program: string;

  beforeAll(async () => {
    const home = realpathSync(mkdtempSync(join(tmpdir(), "actors-new-")));
    // What a registry would give: the package as it is published, and its dependencies as the checkout has them.
    const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", home], { cwd: CHECKOUT });
    const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf("[\n")));
    const modules = join(home, "node_modules");
    const own = join(modules, "stateful-actors");
    mkdirSync(own, { recursive: true });
    await run("tar", ["-xzf", join(home, filename), "--strip-components=1", "-C", own]);
    for (const name of readdirSync(join(CHECKOUT, "node_modules"))) {
      if (!name.startsWith(".")) symlinkSync(join(CHECKOUT, "node_modules", name), join(modules, name));
    }
    program = join(own, "dist/cli/actors.js");
    await run(process.execPath, [program, "new", "my-actors", "--package", filename], { cwd: home });
    dir = join(home, "my-actors");
    symlinkSync(modules, join(dir, "node_modules"));
    return () => rmSync(home, { recursive: true, force: true });
  }, 600_000);

  test("has these files, and a manifest for npm that names the package", () => {
    expect(readdirSync(dir).sort()).toEqual([
      ".gitignore",
      "README.md",
      "actors.toml",
      "cdk.json",
      "node_modules",
      "package.json",
      "src",
      "test",
      "tsconfig.json",
    ]);
    const { name, dependencies, scripts, devDependencies } = JSON.parse(
      readFileSync(join(dir, "package.json"), "utf8"),
    );
    expect(name).toBe("my-actors");
    expect(dependencies["stateful-actors"]).toMatch(/^file:\.\.\/stateful-actors-.*\.tgz$/);
    expect(Object.keys(scripts)).toEqual(["dev", "start", "test", "check", "deploy", "destroy"]);
    for (const version of Object.values(devDependencies)) expect(version).toMatch(/^\^\d+\.\d+\.\d+$/);
  });

  test("npm test passes", async () => {
    const { stdout } = await run("npm", ["test", "--", "--test-reporter=tap"], {
      cwd: dir,
      // Under a runner Node's own one would report to that one.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined },
    });
    expect(stdout).toMatch(/^# pass 1$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
  });

  test("the compiler finds nothing", async () => {
    const { stdout } = await run(process.execPath, [join(CHECKOUT, "node_modules/typescript/bin/tsc")], {
      cwd: dir,
    });
    expect(stdout).toBe("");
  });

  test("actors dev serves it, alarm and inspector included, and takes its next save", async () => {
    const dev = await startDev({ args: ["--port", "0"], cwd: dir, program });
    const call = async (method: string, ...args: unknown[]) => {
      const sent = { method: "POST", body: JSON.stringify(args) };
      return (await fetch(`${dev.url}/Reminder/tea/${method}`, sent)).text();
    };
    await call("remind", "drink it", 300);
    // Without a call: it would make good for an alarm that was lost.
    await dev.said("Reminder[tea].alarm  ok");
    expect(await call("status")).toMatch(/"spoken":"\d/);
    const page = await (await fetch(`${dev.url}/__actors`)).text();
    expect(page).toContain("<h1>Stateful actors</h1>");
    expect(page).toContain("/__actors/api/");
    const entry = join(dir, "src/index.ts");
    const text = readFileSync(entry, "utf8");
    // At once, as whoever reads half of it complains.
    writeFileSync(`${entry}~`, text.replace("return { text", 'return "changed" as never; return { text'));
    renameSync(`${entry}~`, entry);
    await expect.poll(() => call("status"), SOON).toBe('"changed"');
    expect(await dev.stop()).toBe(0);
    expect(dev.stderr()).toBe("");
  });

  test("its stack is made by the CDK app that cdk.json names", async () => {
    const { app, context } = JSON.parse(readFileSync(join(dir, "cdk.json"), "utf8"));
    // Open to nobody but who may sign for it, until its author says otherwise.
    expect(context.auth).toBe("iam");
    const [node, ...args] = app.split(" ");
    expect(node).toBe("node");
    const out = mkdtempSync(join(tmpdir(), "actors-new-out-"));
    onTestFinished(() => rmSync(out, { recursive: true, force: true }));
    await run(process.execPath, args, {
      cwd: dir,
      env: { ...process.env, CDK_OUTDIR: out, CDK_CONTEXT_JSON: JSON.stringify(context) },
    });
    expect(readdirSync(out)).toContain("my-actors.template.json");
  });
});

describe("actors new refuses", () => {
  async function refusal(cwd: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runActors(cwd, "new", ...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    return stderr.replaceAll(cwd, "<cwd>").trimEnd();
  }

  test("a folder that is not empty, and touches nothing in it", async () => {
    const cwd = projectFolder({ "full/mine.txt": "mine" });
    expect(await refusal(cwd, "full")).toBe(
      'error: <cwd>/full is not empty (it has "mine.txt"): name a folder that is empty or not there',
    );
    expect(readdirSync(join(cwd, "full"))).toEqual(["mine.txt"]);
  });

  test("a file", async () => {
    expect(await refusal(projectFolder({ taken: "" }), "taken")).toBe(
      "error: <cwd>/taken is a file: name a folder that is empty or not there",
    );
  });

  test.each(["2nd", "my_actors", "mine.too", "a b"])(
    "a folder whose name can't be a project's: %s",
    async (name) => {
      const cwd = projectFolder({});
      expect(await refusal(cwd, name)).toMatch(
        /^error: the folder's name ".*" can't be that of the project: a name starts with a letter.*add --name <name>$/,
      );
      expect(readdirSync(cwd)).toEqual([]);
    },
  );

  test("no folder, two, a name that breaks the rule, a package that is not there", async () => {
    const cwd = projectFolder({});
    expect(await refusal(cwd)).toMatch(/^error: no folder is named: /);
    expect(await refusal(cwd, "a", "b")).toMatch(/^error: one project is made at a time, not 2 \(a, b\): /);
    expect(await refusal(cwd, "a", "--name", "-")).toMatch(
      /^error: --name is "-": a name starts with a letter/,
    );
    expect(await refusal(cwd, "a", "--package", "no.tgz")).toMatch(
      /^error: --package is "no.tgz", which does not exist: /,
    );
    expect(readdirSync(cwd)).toEqual([]);
  });
});

test("actors new takes a name apart from the folder's, and a repository that was just made", async () => {
  const cwd = projectFolder({ "2nd/.git/HEAD": "ref: refs/heads/main\n" });
  const { code, stdout } = await runActors(cwd, "new", "2nd", "--name", "Second");
  expect(code).toBe(0);
  expect(stdout).toContain(`made Second in ${join(cwd, "2nd")}\n\n  cd 2nd\n`);
  expect(readFileSync(join(cwd, "2nd/actors.toml"), "utf8")).toContain('name = "Second"\n');
  expect(JSON.parse(readFileSync(join(cwd, "2nd/package.json"), "utf8")).name).toBe("second");
});
