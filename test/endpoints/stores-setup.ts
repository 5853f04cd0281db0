import type { TestProject } from "vitest/node";
import { provideAws, provideDynamoDBLocal } from "./provided.ts";

/** Global setup of the test project `stores`. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const releases = await Promise.all([provideDynamoDBLocal(project), provideAws(project)]);
  return async () => {
    for (const release of releases) await release();
  };
}
