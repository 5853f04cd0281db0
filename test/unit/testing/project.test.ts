import { join } from "node:path";
import { expect, test } from "vitest";
import { startActors } from "../../../handlers/testing.ts";
import { ManifestError } from "../../../project/manifest.ts";
import { Session } from "./session.ts";
import { start } from "./start.ts";

test("classes alone are reached through the built-in front door", async () => {
  const actors = await start({ Session }, { now: 1_000 });
  const answer = await actors.fetch("http://test/Session/s1/touch", { method: "POST", body: "[]" });
  expect([answer.status, await answer.json()]).toEqual([200, null]);
  await actors.advance("5m");
  expect(await actors.namespace(Session).idFromName("s1").expired()).toBe(301_000);
  expect((await actors.fetch("http://test/Sesion/s1/touch", { method: "POST", body: "[]" })).status).toBe(
    404,
  );
});

test("a folder without a manifest is refused as the server would", async () => {
  await expect(startActors({ project: join(import.meta.dirname, "nowhere") })).rejects.toThrow(ManifestError);
});
