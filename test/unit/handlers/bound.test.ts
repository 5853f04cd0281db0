import { expect, test, vi } from "vitest";
import { embeddedRoutes } from "../../../handlers/embedded-routes.ts";
import type { Route } from "../../../runtime/core/caller.ts";

test("env of a function that nobody has bound names the fix", async () => {
  vi.stubEnv("ACTOR_BINDINGS", undefined);
  const { env } = await import("../../../handlers/bound.ts");
  const anything = env as unknown as Record<string | symbol, unknown>;
  expect(() => anything.ACCOUNT).toThrow(
    'env.ACCOUNT is not bound: this function has no ACTOR_BINDINGS; bind it in the CDK app with actors.bind(fn, { ACCOUNT: "…" })',
  );
  expect(anything[Symbol.toStringTag]).toBeUndefined();
  vi.unstubAllEnvs();
});

test("a type goes to this process, or to the server that owns it now, or is refused with the fix", () => {
  const route = { mailbox: {}, replies: {} } as Route;
  let owner: string | undefined;
  const routeTo = embeddedRoutes({
    own: { types: new Set(["Own"]), route },
    bindings: [
      { binding: "OWN", type: "Own" },
      { binding: "SHARED", type: "Shared" },
    ],
    findOwner: (type) => (type === "Shared" && owner !== undefined ? { url: owner, headers: {} } : undefined),
  });
  expect(routeTo("Own")).toBe(route);
  expect(() => routeTo("Shared")).toThrow(
    expect.objectContaining({
      name: "ActorUnknownTypeError",
      message:
        'the type "Shared" is declared here, but exported by another project, whose server does not run: start it with the same --state folder (actors dev or actors start <its folder> --port <n>), or export a class Shared here',
    }),
  );
  owner = "http://localhost:1";
  const there = routeTo("Shared");
  expect(there).not.toBe(route);
  expect(routeTo("Shared")).toBe(there);
  owner = "http://localhost:2";
  expect(routeTo("Shared")).not.toBe(there);
  expect(() => routeTo("Nobody")).toThrow('no actor of type "Nobody" here; there is: Own');
});
