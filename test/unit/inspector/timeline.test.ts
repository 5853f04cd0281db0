import fc from "fast-check";
import { expect, test } from "vitest";
import type { Turn } from "../../../inspector/answers.ts";
import { layOut, NAMES_WIDTH } from "../../../inspector/timeline.ts";

const WINDOW = { from: 1_000, to: 2_000, width: NAMES_WIDTH + 1_000 };

function turn(name: string, at: number, ms: number): Turn {
  return { number: 1, at, ms, type: "T", name, method: "m", caller: "outside", ran: true, version: 1 };
}

test("a bar begins at its time and is as long as its turn; a row for each instance", () => {
  const { rows, bars } = layOut([turn("b", 1_100, 200), turn("a", 1_500, 50), turn("b", 1_600, 10)], WINDOW);
  expect(rows.map(({ instance }) => instance)).toEqual(["T/a", "T/b"]);
  expect(bars.map(({ x, width }) => [x - NAMES_WIDTH, width])).toEqual([
    [100, 200],
    [500, 50],
    [600, 10],
  ]);
  expect(bars.map(({ y }) => y)).toEqual([bars[0]?.y, expect.any(Number), bars[0]?.y]);
  expect(bars[1]?.y).toBeLessThan(bars[0]?.y ?? 0);
});

test("what began before the window is cut off at its edge, and what ended before it is not there", () => {
  const { bars } = layOut([turn("a", 400, 100), turn("a", 900, 300), turn("a", 2_500, 1)], WINDOW);
  expect(bars.map(({ x, width }) => [x - NAMES_WIDTH, width])).toEqual([[0, 200]]);
});

test("a turn too short to be seen is shown all the same", () => {
  expect(layOut([turn("a", 1_500, 0)], WINDOW).bars[0]?.width).toBe(2);
});

test("of many instances those with the latest turns have a row", () => {
  const turns = Array.from({ length: 30 }, (_, index) => turn(`n${index}`, 1_000 + index, 1));
  const { rows } = layOut(turns, WINDOW);
  expect(rows.map(({ instance }) => instance).sort()).toEqual(
    Array.from({ length: 8 }, (_, index) => `T/n${22 + index}`).sort(),
  );
});

test("nothing is ever drawn outside of the picture", () => {
  const anyTurn = fc.record({
    name: fc.constantFrom("a", "b"),
    at: fc.integer({ min: 0, max: 3_000 }),
    ms: fc.integer({ min: 0, max: 5_000 }),
  });
  fc.assert(
    fc.property(fc.array(anyTurn), (turns) => {
      const { bars, height } = layOut(
        turns.map(({ name, at, ms }) => turn(name, at, ms)),
        WINDOW,
      );
      for (const bar of bars) {
        expect(bar.x).toBeGreaterThanOrEqual(NAMES_WIDTH);
        expect(bar.x + bar.width).toBeLessThanOrEqual(WINDOW.width);
        expect(bar.width).toBeGreaterThan(0);
        expect(bar.y + bar.height).toBeLessThanOrEqual(height);
      }
    }),
  );
});
