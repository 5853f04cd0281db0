import { join } from "node:path";
import { afterAll, beforeAll, inject } from "vitest";
import { httpStorage } from "../acceptance/http-storage.ts";
import { describeProbe } from "../acceptance/probe-suite.ts";
import { describeStorage } from "../acceptance/storage-suite.ts";
import { type Deployment, deployProject } from "../endpoints/deployment.ts";
import { describeWith } from "../endpoints/gate.ts";

describeWith(inject("aws"), "a project of its own, deployed with -c project=<dir>", ({ url }) => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await deployProject({
      endpoint: url,
      projectDir: join(import.meta.dirname, "../projects/probe"),
    });
  });
  afterAll(() => deployment?.destroy());

  // Emulators run one batch of a FIFO queue at a time; handlers.test.ts has the case with batches in parallel.
  describeProbe("deployed", () => deployment, { actorsCallActors: false });
  describeStorage(
    "deployed",
    httpStorage(() => deployment),
    { sessions: 300, atOnce: 24 },
  );
});
