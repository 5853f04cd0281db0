import { describe, inject, it } from "vitest";
import type { AwsEndpoint } from "./endpoint.ts";

/** What a global setup provides in place of an endpoint that the tests cannot have. */
export interface Missing {
  /** The reason, and how to put it right. */
  readonly missing: string;
  /** True when something went wrong, which always fails; false when this machine just lacks something. */
  readonly failed: boolean;
}

/**
 * `describe` for tests that need what a global setup provides (`inject(…)`), which `define` receives. Without it the suite is
 * reported by name with the reason: as skipped on a developer's machine, as failed when something went wrong or `CI` is set.
 */
export function describeWith<T extends object>(
  provided: T | Missing,
  name: string,
  define: (provided: T) => void,
): void {
  if (!isMissing(provided)) {
    describe(name, () => define(provided));
  } else if (provided.failed || process.env.CI) {
    describe(name, () => {
      it("has what it needs", () => {
        throw new Error(provided.missing);
      });
    });
  } else {
    describe(name, () => {
      it.skip(provided.missing);
    });
  }
}

/** `describeWith` for each of the endpoints that stand in for AWS: they are different authors' readings of its documentation. */
export function describeOnBoth(name: string, define: (endpoint: AwsEndpoint) => void): void {
  describeWith(inject("aws"), name, define);
  describeWith(inject("localstack"), `${name}, on LocalStack`, define);
}

function isMissing(provided: object): provided is Missing {
  return "missing" in provided;
}
