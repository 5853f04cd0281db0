import { expect, test } from "vitest";
import { CommitPipeline, FencedError } from "../../../runtime/core/commit-pipeline.ts";
import { NO_CHANGES } from "../../../runtime/core/draft.ts";
import { failed } from "../../../runtime/core/outcome.ts";
import type { Store } from "../../../runtime/ports/store.ts";
import { delivery, testDeps, UNLIMITED } from "./fixtures.ts";

test("a pipeline that is broken says so with a rejection, also when nothing is under way any more", async () => {
  const id = { type: "T", name: "a" };
  const deps = testDeps({});
  const store: Store = { ...deps.store, commit: async () => ({ status: "fenced" }) };
  const activation = await deps.activations.hydrate(id, store);
  const options = { settled: new Map(), alone: true, times: UNLIMITED };
  const pipeline = new CommitPipeline(activation, options, { ...deps, store });
  expect(pipeline.durable()).toBeUndefined();
  const outcome = failed(new Error("no"), { exposeStacks: false });
  pipeline.add(delivery(id, "work"), { outcome, changes: NO_CHANGES, ran: true });
  await expect(pipeline.durable()).rejects.toThrow(FencedError);
  await expect(pipeline.durable()).rejects.toThrow(FencedError);
});
