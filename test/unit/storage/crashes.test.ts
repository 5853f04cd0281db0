import fc from "fast-check";
import { describe } from "vitest";
import { createMemoryStore } from "../../../runtime/adapters/local/memory-store.ts";
import { batchSystem, type Fate } from "../../acceptance/batch-system.ts";
import { compareSessions } from "../../acceptance/storage-suite.ts";

const FATES: Fate[] = ["lands", "lands", "dies before", "dies after", "answer lost"];

describe("storage: memory, with workers that die around their commits", () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  const fates = fc.sample(fc.constantFrom(...FATES), { seed, numRuns: 10_000 });
  let next = 0;
  const system = batchSystem(createMemoryStore(), () => fates[next++ % fates.length] ?? "lands");
  compareSessions(() => system, { sessions: 1000, atOnce: 1, seed });
});
