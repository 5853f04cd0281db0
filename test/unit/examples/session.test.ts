import { expect, test } from "vitest";
import { Session } from "../../../examples/session/src/index.ts";
import { start } from "../testing/start.ts";

test("a session ends when nobody has touched it for its time", async () => {
  const actors = await start({ Session });
  const session = actors.namespace(Session).idFromName("s1");
  expect(await session.start("ann", 60_000)).toBe("ann");
  await actors.advance("59s");
  expect(await session.touch()).toBe("ann");
  await actors.advance("59s");
  expect(await session.touch()).toBe("ann");
  await actors.advance("60s");
  expect(await session.touch()).toBeNull();
});
