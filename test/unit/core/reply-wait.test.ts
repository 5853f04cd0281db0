import fc from "fast-check";
import { expect, test } from "vitest";
import { nextLook, type PlannedLook } from "../../../runtime/core/reply-wait.ts";

/** How long an HTTP API lets the router wait, in ms. */
const REQUEST_WAIT_MS = 28_000;

/** All looks of one wait from 0 on; `early` says where each is made, from 0 (as planned) to 1 (as early as may be). */
function* looks(deadline: number, early: () => number): Generator<PlannedLook & { readonly made: number }> {
  let planned: PlannedLook | undefined;
  let count = 0;
  for (let now = 0; planned === undefined || now < deadline; ) {
    if (count++ === 10_000) throw new Error(`still before its deadline of ${deadline} after 10,000 looks`);
    planned = nextLook(planned, { now, deadline });
    now = planned.at - Math.floor((planned.at - planned.from) * early());
    yield { ...planned, made: now };
  }
}

const punctual = () => 0;
const deadlines = fc.integer({ min: 0, max: REQUEST_WAIT_MS });
/** How early each look is, again and again. */
const earliness = fc
  .array(fc.constantFrom(0, 0.1, 0.5, 0.9, 1), { minLength: 1, maxLength: 50 })
  .map((each) => {
    let next = 0;
    return () => each[next++ % each.length] ?? 0;
  });

test("a reply is looked for soon, then with growing gaps", () => {
  const planned = [...looks(REQUEST_WAIT_MS, punctual)];
  expect(planned.slice(0, 10).map(({ gap }) => gap)).toEqual([20, 30, 45, 68, 102, 153, 230, 345, 400, 400]);
  expect(planned.slice(0, 4).map(({ made }) => made)).toEqual([20, 50, 95, 163]);
  expect(planned.at(-1)?.made).toBe(REQUEST_WAIT_MS);
});

test("a wait looks last at its deadline, never after it, and each time later than before", () => {
  fc.assert(
    fc.property(deadlines, earliness, (deadline, early) => {
      const made = [...looks(deadline, early)].map((look) => look.made);
      expect(made.at(-1)).toBe(deadline);
      expect([...new Set(made)].sort((a, b) => a - b)).toEqual(made);
    }),
  );
});

test("the look at the deadline is never early", () => {
  fc.assert(
    fc.property(deadlines, earliness, (deadline, early) => {
      for (const { at, from } of looks(deadline, early)) if (at === deadline) expect(from).toBe(deadline);
    }),
  );
});

test("gaps grow up to a longest one; a look comes early by a quarter of its gap at most", () => {
  fc.assert(
    fc.property(deadlines, earliness, (deadline, early) => {
      let last = { gap: 0, made: 0 };
      for (const look of looks(deadline, early)) {
        expect(look.gap).toBeGreaterThanOrEqual(last.gap);
        expect(look.gap).toBeLessThanOrEqual(400);
        expect(look.made - last.made).toBeLessThanOrEqual(look.gap);
        if (look.made < deadline) expect(look.made - last.made).toBeGreaterThanOrEqual(look.gap * 0.75);
        last = look;
      }
    }),
  );
});

test("a wait of 28 s costs 76 looks by itself, and 99 at most in company", () => {
  expect([...looks(REQUEST_WAIT_MS, punctual)].length).toBe(76);
  fc.assert(
    fc.property(deadlines, earliness, (deadline, early) => {
      expect([...looks(deadline, early)].length).toBeLessThanOrEqual(99);
    }),
  );
  expect([...looks(REQUEST_WAIT_MS, () => 1)].length).toBe(99);
});

test("a wait that begins after its deadline looks at once", () => {
  expect(nextLook(undefined, { now: 1000, deadline: 900 })).toMatchObject({ at: 900, from: 900 });
});
