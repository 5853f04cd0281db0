import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { compile } from "./fragments.ts";
import { brokenLinks } from "./links.ts";
import { type Block, readPage } from "./page.ts";
import { Reader } from "./walk.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const folder = join(CHECKOUT, "docs");
const PAGES = [
  "README.md",
  ...(existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const KNOWN = new Set(["ts", "sh", "toml", "json", ""]);

const blocksOf = new Map(PAGES.map((page) => [page, readPage(join(CHECKOUT, page))]));

test("the TypeScript of all pages compiles", () => {
  expect(compile(blocksOf)).toEqual([]);
});

describe.each([...blocksOf])("%s", (page, blocks) => {
  test("what it shows is of a kind that is tried, or says why not", () => {
    for (const { language, line } of blocks) expect(KNOWN, `${page}:${line}`).toContain(language);
  });

  test("its links lead somewhere", () => {
    expect(brokenLinks(page, { checkout: CHECKOUT })).toEqual([]);
  });

  const tests = blocks.filter(({ language, text }) => language === "ts" && text.includes('from "node:test"'));
  if (tests.length > 0) {
    test("its tests pass", { timeout: 1_800_000 }, async () => {
      const reader = new Reader(blocks);
      onTestFinished(() => reader.leave());
      for (const block of tests) await reader.runTests(block).catch(at(page, block));
    });
  }

  if (!blocks.some(({ language }) => language === "sh")) return;

  test("its commands do what it shows, in order", { timeout: 1_800_000 }, async () => {
    const reader = new Reader(blocks);
    onTestFinished(() => reader.leave());
    for (const block of blocks) {
      if (block.note?.kind === "skip") continue;
      await reader.follow(block).catch(at(page, block));
    }
  });
});

function at(page: string, { line }: Block): (cause: unknown) => never {
  return (cause) => {
    throw new Error(`${page}:${line}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  };
}
