import { expect, test } from "vitest";
import { judge } from "../../audit.ts";

const report = (severity: string) =>
  JSON.stringify({
    vulnerabilities: { hono: { severity, range: "<4.13.20" } },
    metadata: { vulnerabilities: {} },
  });

test.each(["high", "critical"])("a known vulnerability of level %s fails, and is named", (severity) => {
  expect(judge(report(severity))).toEqual({
    failed: true,
    lines: ["Known vulnerabilities; `npm audit --omit=dev` tells more:", `  ${severity}: hono <4.13.20`],
  });
});

test("one of a lower level does not", () => {
  expect(judge(report("moderate"))).toEqual({
    failed: false,
    lines: ["Audited: no known vulnerability of level high or critical."],
  });
});

test.each([
  ["no output", "", "npm gave no report"],
  ["what is no JSON", "<html>", "npm gave no report"],
  [
    "a registry without audits",
    JSON.stringify({ message: "405 Method Not Allowed", error: { summary: "" } }),
    "405 Method Not Allowed",
  ],
  ["an error with its reason", JSON.stringify({ error: { summary: "no network" } }), "no network"],
])("%s is said, and fails nothing", (_, output, reason) => {
  expect(judge(output)).toEqual({
    failed: false,
    lines: [`Not audited: the registry answers no audit here (${reason}).`],
  });
});
