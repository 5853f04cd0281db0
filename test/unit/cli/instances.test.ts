import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exportedLines, parseInstanceFile } from "../../../cli/instance-file.ts";
import { shownName } from "../../../cli/shown.ts";
import { SELECT_PAGE } from "../../../runtime/adapters/local/sqlite-directory.ts";
import { createSqliteStore } from "../../../runtime/adapters/local/sqlite-store.ts";
import { openStateFile } from "../../../runtime/adapters/local/state-file.ts";
import { encode } from "../../../runtime/core/codec.ts";
import { inKeyOrder } from "../../../runtime/core/directory.ts";
import { NEW_HEAD } from "../../../runtime/core/state.ts";
import { projectFolder } from "../project/project-folder.ts";
import { runActors } from "./run-actors.ts";

test.each([
  ["list", ["[Type]", "--prefix <p>", "--limit <n>", "--after <cursor>"]],
  ["inspect", ["<Type> <name>", "--full"]],
  ["call", ["<Type> <name> <method> [argument …]", "--key <key>"]],
  ["export", ["<Type> <name>"]],
  ["import", ["<Type> <name>", "--file <file>", "--yes"]],
  ["delete", ["<Type> <name>", "--yes"]],
])("%s --help teaches, and does nothing", async (command, parts) => {
  const { code, stdout, stderr } = await runActors(projectFolder({}), command, "--help");
  expect({ code, stderr }).toStrictEqual({ code: 0, stderr: "" });
  for (const part of [`actors ${command} `, ...parts, "--state <dir>", "--stack <name>", "--json"])
    expect(stdout).toContain(part);
});

describe("a mistake is one line that teaches", () => {
  test.each([
    [["list", "A", "B"], "list takes one type at a time, not 2 (A, B): name one, or none for all"],
    [["list", "--limit", "0"], '--limit is "0": give a whole number from 1 to 10000'],
    [
      ["list", "--after", "x"],
      '--after is "x": give what the page before has said, or leave it away to begin at the first name',
    ],
    [["list", "--prefx", "a"], "Unknown option '--prefx': see --help for the options there are"],
    [
      ["inspect", "Account"],
      "inspect needs to know which instance: give its type and its name, as in actors inspect Account alice",
    ],
    [["inspect", "Account", "a", "b"], 'inspect takes no "b" after type and name: see --help'],
    [["inspect", "A/b", "c"], '"A/b" is no type: give the name of an actor\'s class, such as Account'],
    [["delete", "Account", ""], "an instance name must not be empty"],
    [
      ["call", "Account", "alice"],
      "call needs to know which method: give its name after that of the instance, as in actors call Account alice balance",
    ],
    [
      ["delete", "Account", "a", "--stack", "s", "--project", "p"],
      "--stack names a deployed stack, --project the state of an embedded server: give one of them",
    ],
    [["list", "--state", ""], '--state is "": name a folder, such as .actors'],
  ])("%j", async (args, mistake) => {
    const cwd = projectFolder({});
    expect(await runActors(cwd, ...args)).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${mistake}\n`,
    });
  });

  test("in JSON where that is asked for", async () => {
    const { code, stdout, stderr } = await runActors(projectFolder({}), "inspect", "Account", "--json");
    expect([code, stdout]).toEqual([1, ""]);
    expect(JSON.parse(stderr).error).toEqual({
      name: "CommandError",
      message: expect.stringContaining("inspect needs to know which instance"),
    });
  });

  test("where there is no state, or not only one project's", async () => {
    const cwd = projectFolder({});
    expect((await runActors(cwd, "list")).stderr).toBe(
      `error: there is no state of a project in ${join(cwd, ".actors")}: name another folder with --state <dir>, or serve a project once with actors dev or actors start\n`,
    );
    for (const project of ["shop", "bank"]) {
      mkdirSync(join(cwd, ".actors", project), { recursive: true });
      openStateFile(join(cwd, ".actors", project, "state.sqlite")).close();
    }
    expect((await runActors(cwd, "list")).stderr).toContain(
      `there are 2 projects in ${join(cwd, ".actors")} (bank, shop): name one with --project <name>`,
    );
    expect((await runActors(cwd, "list", "--project", "shpo")).stderr).toContain(
      "did you mean shop? there is bank, shop",
    );
    expect((await runActors(cwd, "list", "--project", "shop")).stdout).toBe(
      "there are no instances in .actors/shop\n",
    );
    mkdirSync(join(cwd, "folder"));
    writeFileSync(
      join(cwd, "folder", "actors.toml"),
      'name = "bank"\nmain = "i.ts"\n[[actors]]\nbinding = "A"\ntype = "A"\n',
    );
    writeFileSync(join(cwd, "folder", "i.ts"), "");
    expect((await runActors(cwd, "list", "--project", "folder")).stdout).toContain("in .actors/bank");
    writeFileSync(join(cwd, ".actors", "shop", "state.sqlite"), "Dear Sir or Madam, ".repeat(100));
    expect((await runActors(cwd, "list", "--project", "shop")).stderr).toContain(
      "can't be read: file is not a database: name the state folder of actors dev",
    );
  });
});

test("100,000 instances: a page costs what it shows", async () => {
  const cwd = projectFolder({});
  mkdirSync(join(cwd, ".actors/big"), { recursive: true });
  const file = openStateFile(join(cwd, ".actors/big/state.sqlite"));
  const store = createSqliteStore(file);
  const head = { ...NEW_HEAD, version: 1, inline: new Map([["k", "[1]"]]) };
  const name = (n: number) => `n${String(n).padStart(6, "0")}`;
  await Promise.all(
    Array.from({ length: 100_000 }, (_, n) =>
      store.commit({ id: { type: "T", name: name(n) }, expected: 0, head, entries: new Map() }),
    ),
  );
  const plan = file.db.prepare(`EXPLAIN QUERY PLAN ${SELECT_PAGE}`).all();
  expect(plan.map(({ detail }) => detail)).toEqual(["SEARCH heads USING PRIMARY KEY (actor>? AND actor<?)"]);
  file.close();
  const { stdout } = await runActors(cwd, "list", "T", "--json");
  const { instances, next } = JSON.parse(stdout);
  expect(instances.map((each: { name: string }) => each.name)).toEqual(
    Array.from({ length: 100 }, (_, n) => name(n)),
  );
  const last = await runActors(cwd, "list", "--json", "--prefix", "n09999");
  expect(JSON.parse(last.stdout).instances).toHaveLength(10);
  const second = await runActors(cwd, "list", "--json", "--after", next, "--limit", "1");
  expect(JSON.parse(second.stdout).instances[0].name).toBe(name(100));
});

describe("an exported instance", () => {
  const values = inKeyOrder([
    ["map", encode(new Map([["at", new Date(5)]]), "value")],
    ["minus zero", encode(-0, "value")],
    ["big", encode(2n ** 70n, "value")],
    ["deep", encode(nested(2_000), "value")],
    ["text", encode("\u2028 \ud83d\ude00 \u0000", "value")],
    ["", encode(undefined, "value")],
  ]);
  const head = { ...NEW_HEAD, version: 7, alarm: { at: 1234, retries: 2 } };
  const lines = [...exportedLines({ type: "T", name: "a\nb" }, { head, values })];
  const changed = (line: number, text: string) =>
    lines.map((each, n) => (n === line ? text : each)).join("\n");

  test("comes back exactly", () => {
    expect(lines.every((line) => !line.includes("\n"))).toBe(true);
    expect(parseInstanceFile(lines.join("\n"))).toEqual({ type: "T", name: "a\nb", values, alarm: 1234 });
    expect(parseInstanceFile(`${lines.join("\r\n")}\r\n\n`).values).toEqual(values);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      format: "stateful-actors/instance",
      formatVersion: 1,
      type: "T",
      name: "a\nb",
      version: 7,
      alarm: 1234,
      keys: 6,
    });
  });

  test.each([
    ["", "there is nothing to import"],
    [lines.slice(1).join("\n"), "line 1 can't be imported: it is no header of an export"],
    [
      changed(0, (lines[0] ?? "").replace('Version":1', 'Version":2')),
      "it has the format version 2, and this version reads up to 1",
    ],
    [changed(0, (lines[0] ?? "").replace("1234", '"soon"')), "an alarm's time must be a number"],
    [lines.slice(0, -1).join("\n"), "the header counts 6 keys and 5 follow"],
    [changed(2, lines[1] ?? ""), "line 3 can't be imported: it has the key"],
    [changed(2, '{"key":"k"}'), 'line 3 can\'t be imported: the key "k" has neither a "value" nor a "text"'],
    [
      changed(2, '{"key":"k","value":7}'),
      "line 3 can't be imported: the value for key \"k\" can't be decoded",
    ],
    [changed(2, '{"key":"__telnyx_x","value":[1]}'), "is reserved"],
    [changed(2, '{"key":"k","text":"[[\\"__proto__\\"]]"}'), "line 3 can't be imported"],
    [changed(2, "[1]"), "line 3 can't be imported: it is no JSON object"],
    [changed(2, '{"key":'), "line 3 can't be imported: it is no JSON: "],
  ])("is refused when it is no such thing: %#", (content, mistake) => {
    expect(() => parseInstanceFile(content)).toThrow(mistake);
  });
});

test.each([
  ["alice", "alice"],
  ["a/b@c.de:1", "a/b@c.de:1"],
  ["Zoë", "Zoë"],
  ["two words", '"two words"'],
  ["\u001b[2J", '"\\u001b[2J"'],
  ["a\u202eb\u2028", '"a\\u202eb\\u2028"'],
  ["\u{e0001}", '"\\udb40\\udc01"'],
  ['say "hi"', '"say \\"hi\\""'],
])("a name is shown so that it changes no terminal: %j", (name, shown) => {
  expect(shownName(name)).toBe(shown);
  if (shown.startsWith('"')) expect(JSON.parse(shown)).toBe(name);
});

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}
