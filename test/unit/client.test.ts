import { expect, test } from "vitest";
import { connect } from "../../runtime/client.ts";

test.each([
  ["nothing", undefined],
  ["neither url nor router", {}],
  ["an empty router", { router: "" }],
  ["no scheme", { url: "localhost:8787" }],
  ["another scheme", { url: "ftp://localhost" }],
  ["a password", { url: "http://user:pw@localhost:8787" }],
  ["a query", { url: "http://localhost:8787/?a=1" }],
])("connect refuses %s at once, and says what it takes", (_, options) => {
  expect(() => connect(options as unknown as Parameters<typeof connect>[0])).toThrow(
    /http:\/\/localhost:8787/,
  );
});
