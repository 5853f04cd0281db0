import { expect, test } from "vitest";
import { failureText } from "../../../cli/failure.ts";
import { ManifestError } from "../../../project/manifest.ts";

function systemError(properties: { code: string; syscall: string; port?: number }): Error {
  return Object.assign(new Error(`${properties.code}: said by the system`), properties);
}

test("an error meant for the developer is its message", () => {
  expect(failureText(new ManifestError("fix it so"))).toBe("fix it so");
});

test("a port that can't be had is named, with the option that changes it", () => {
  const fix = "choose another with --port <n>";
  expect(failureText(systemError({ code: "EADDRINUSE", syscall: "listen", port: 80 }))).toBe(
    `port 80 is already taken: end the program that holds it, or ${fix}`,
  );
  expect(failureText(systemError({ code: "EACCES", syscall: "listen", port: 80 }))).toBe(
    `port 80 can't be opened (EACCES): ${fix}`,
  );
});

test("another error of the system says what is wrong and what to do", () => {
  expect(failureText(systemError({ code: "EROFS", syscall: "mkdir" }))).toBe(
    "the state folder can't be used: EROFS: said by the system; choose another with --state <dir>",
  );
});

test("what nobody foresaw is shown whole, as a fault of this package", () => {
  const text = failureText(new TypeError("x is not a function"));
  expect(text).toMatch(/^this is a fault of stateful-actors itself, please report it: TypeError: x is not/);
  expect(text).toContain("failure.test.ts");
});
