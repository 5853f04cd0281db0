import { expect, test } from "vitest";
import door, { RateLimiter } from "../../../examples/rate-limiter/src/index.ts";
import { start } from "../testing/start.ts";

test("a bucket of ten refills by two a second, and is told apart by its name", async () => {
  const actors = await start({ RateLimiter });
  const limiter = actors.namespace(RateLimiter).idFromName("ann");
  const taken = await Promise.all(Array.from({ length: 12 }, () => limiter.take()));
  expect(taken.map(({ ok }) => ok)).toEqual([...Array(10).fill(true), false, false]);
  expect(taken.at(-1)).toEqual({ ok: false, left: 0, retryAfterMs: 500 });
  await actors.advance(499);
  expect((await limiter.take()).ok).toBe(false);
  await actors.advance(1);
  expect(await limiter.take()).toEqual({ ok: true, left: 0, retryAfterMs: 0 });
  expect((await actors.namespace(RateLimiter).idFromName("bob").take()).ok).toBe(true);
});

test("an idle bucket is full again, and forgotten", async () => {
  const actors = await start({ RateLimiter });
  const limiter = actors.namespace(RateLimiter).idFromName("ann");
  expect((await limiter.take(10)).ok).toBe(true);
  await actors.advance("1h");
  expect(await limiter.take(10)).toEqual({ ok: true, left: 0, retryAfterMs: 0 });
});

test("more than a bucket holds is refused", async () => {
  const actors = await start({ RateLimiter });
  const limiter = actors.namespace(RateLimiter).idFromName("ann");
  await expect(limiter.take(11)).rejects.toThrow("11 tokens can't be taken; ask for 1 to 10");
});

test("the front door answers 429 with the time to wait", async () => {
  const actors = await start({ RateLimiter }, { bindings: { LIMITER: "RateLimiter" } });
  const env = actors.env as unknown as Parameters<typeof door.fetch>[1];
  const ask = (headers: Record<string, string>) =>
    door.fetch(new Request("http://limiter.test/", { headers }), env);
  for (let left = 9; left >= 0; left--) {
    const answer = await ask({ "x-api-key": "ann" });
    expect([answer.status, answer.headers.get("ratelimit-remaining")]).toEqual([200, String(left)]);
  }
  const refused = await ask({ "x-api-key": "ann" });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
  expect((await ask({})).status).toBe(401);
});
