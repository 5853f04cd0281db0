import { onTestFinished } from "vitest";
import { startActors, type TestActors, type TestOptions } from "../../../handlers/testing.ts";
import type { ActorClass } from "../../../runtime/core/method.ts";

/** What went wrong without a caller, one line each. */
export interface Problems {
  readonly problems: string[];
}

/** Actors that stop with the test. */
export async function start(
  actors: Record<string, ActorClass>,
  options: TestOptions = {},
): Promise<TestActors & Problems> {
  const problems: string[] = [];
  const onProblem = (what: string, { reason }: Readonly<Record<string, unknown>>) =>
    void problems.push(`${what}: ${reason}`);
  const started = await startActors(actors, { onProblem, ...options });
  onTestFinished(() => started.stop());
  return { ...started, problems };
}
