import { describe, expect, test } from "vitest";
import { parseServeOptions, ServeOptionsError } from "../../../cli/serve-options.ts";

const given = { cwd: "/home/me", port: undefined, defaultDir: "/package/examples/account" };

test("without arguments it is the example on port 8787, with state under the working directory", () => {
  expect(parseServeOptions("dev", [], given)).toStrictEqual({
    projectDir: "/package/examples/account",
    port: 8787,
    stateDir: "/home/me/.actors",
    quiet: false,
  });
});

test("--state memory keeps nothing on disk; a folder of that name is ./memory", () => {
  expect(parseServeOptions("dev", ["--state", "memory"], given)).toMatchObject({ stateDir: undefined });
  expect(parseServeOptions("dev", ["--state", "./memory"], given)).toMatchObject({
    stateDir: "/home/me/memory",
  });
});

test("-q and --quiet ask for no line a turn", () => {
  expect(parseServeOptions("dev", ["-q"], given)).toMatchObject({ quiet: true });
  expect(parseServeOptions("dev", ["--quiet"], given)).toMatchObject({ quiet: true });
});

test("folders are taken from the working directory, and options may stand anywhere", () => {
  expect(parseServeOptions("dev", ["--port=1", "svc", "--state", "../kept"], given)).toStrictEqual({
    projectDir: "/home/me/svc",
    port: 1,
    stateDir: "/home/kept",
    quiet: false,
  });
  expect(parseServeOptions("dev", ["/srv/x", "--state=/var/x"], given)).toMatchObject({
    projectDir: "/srv/x",
    stateDir: "/var/x",
  });
});

test("--port wins over $PORT, which wins over the default; an empty $PORT is none", () => {
  expect(parseServeOptions("dev", ["--port", "1"], { ...given, port: "2" })).toMatchObject({ port: 1 });
  expect(parseServeOptions("dev", [], { ...given, port: "2" })).toMatchObject({ port: 2 });
  expect(parseServeOptions("dev", [], { ...given, port: "" })).toMatchObject({ port: 8787 });
  expect(parseServeOptions("dev", ["--port", "0"], { ...given, port: "nonsense" })).toMatchObject({
    port: 0,
  });
});

test("actors start takes the same, but for what is a developer's", () => {
  const args = ["svc", "--port", "1", "--state", "memory"];
  expect(parseServeOptions("start", args, given)).toStrictEqual(parseServeOptions("dev", args, given));
  expect(() => parseServeOptions("start", ["--quiet"], given)).toThrow("Unknown option '--quiet'");
  expect(parseServeOptions("start", ["-h"], given)).toHaveProperty("help");
});

test.each([["--help"], ["-h"], ["svc", "--help", "--port", "x"]])("%s asks for help", (...args) => {
  expect(parseServeOptions("dev", args, given)).toHaveProperty("help");
});

describe("a refusal names the value and the rule in one line", () => {
  test.each([
    [["--port", "80a"], `--port is "80a": a port is a whole number from 0 to 65535, such as 8787`],
    [["--port", "65536"], `--port is "65536": a port is`],
    [["--port=-1"], `--port is "-1": a port is`],
    [["--port", "1.5"], `--port is "1.5": a port is`],
    [["--port="], `--port is "": a port is`],
    [["--port", "٣"], `--port is "٣": a port is`],
    [["--port"], "Option '--port <value>' argument missing: see --help for the options there are"],
    [["--state="], `--state is "": name a folder, such as .actors`],
    [["--prot", "1"], "Unknown option '--prot': see --help for the options there are"],
    [["-x"], "Unknown option '-x': see --help for the options there are"],
    [["--help=yes"], "Option '-h, --help' does not take an argument: see --help for the options there are"],
    [["a", "b"], "one project folder can be served at a time, not 2 (a, b): name one"],
  ])("%j", (args, message) => {
    const parse = () => parseServeOptions("dev", args, given);
    expect(parse).toThrow(ServeOptionsError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/\n/);
  });

  test("of $PORT", () => {
    expect(() => parseServeOptions("dev", [], { ...given, port: "http" })).toThrow(
      `$PORT is "http": a port is`,
    );
  });
});
