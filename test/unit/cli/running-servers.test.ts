import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { announceServer, findOwner } from "../../../cli/running-servers.ts";

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "actors-state-"));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

/** What a server that is no more has left behind. */
function leftBehind(project: string, text: string): void {
  mkdirSync(join(state, project));
  writeFileSync(join(state, project, "server.json"), text);
}

test("a server is found by a type that it owns, until it takes that back", () => {
  const url = "http://localhost:1";
  const takeBack = announceServer(join(state, "bank"), { url, types: ["Account", "Ledger"] });
  expect(findOwner(state, "Ledger")).toEqual({ url: url, headers: {} });
  expect(findOwner(state, "Led")).toBeUndefined();
  takeBack();
  expect(findOwner(state, "Ledger")).toBeUndefined();
  expect(existsSync(join(state, "bank", "server.json"))).toBe(false);
});

test("a server that starts again is found where it is now", () => {
  announceServer(join(state, "bank"), { url: "http://localhost:1", types: ["Account"] });
  announceServer(join(state, "bank"), { url: "http://localhost:2", types: ["Account"] });
  expect(findOwner(state, "Account")).toEqual({ url: "http://localhost:2", headers: {} });
});

test("a server that was killed is not found, nor is it in the way of one that runs", () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  leftBehind("a", JSON.stringify({ pid, url: "http://localhost:1", types: ["Account"] }));
  expect(findOwner(state, "Account")).toBeUndefined();
  announceServer(join(state, "b"), { url: "http://localhost:2", types: ["Account"] });
  expect(findOwner(state, "Account")).toEqual({ url: "http://localhost:2", headers: {} });
});

test.each(["", "{", "null", "{}", "7", '{"pid":1,"url":5,"types":["Account"]}'])(
  "a file that holds %j is nobody's announcement",
  (text) => {
    leftBehind("a", text);
    writeFileSync(join(state, "server.json"), "no folder of a project");
    expect(findOwner(state, "Account")).toBeUndefined();
  },
);

test("without a state folder no server runs", () => {
  expect(findOwner(join(state, "none"), "Account")).toBeUndefined();
});
