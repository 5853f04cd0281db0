import { expect, inject, onTestFinished, test, vi } from "vitest";
import { exceeded } from "../../bench/requests/budgets.ts";
import { countRequests, type Workload } from "../../bench/requests/counts.ts";
import { MEASURED } from "../../bench/requests/measured.ts";
import { Account } from "../../examples/account/src/account.ts";
import { describeOnBoth, describeWith } from "../endpoints/gate.ts";
import { Script } from "../projects/probe/src/script.ts";
import { Sleeper } from "../projects/probe/src/sleeper.ts";

describeWith(inject("dynamoDBLocal"), "requests and capacity", ({ url: dynamoUrl }) => {
  describeOnBoth("of calls in steady state", ({ url: sqsUrl }) => {
    test("are what docs/performance.md says, and within their budgets", async () => {
      onTestFinished(() => void vi.unstubAllEnvs());
      const counts = await countRequests({
        dynamoUrl,
        sqsUrl,
        module: { Account, Script, Sleeper },
        setVariable: vi.stubEnv,
      });
      expect(counts).toEqual(MEASURED);
      const over = Object.entries(counts).flatMap(([name, each]) => exceeded(name as Workload, each));
      expect(over).toEqual([]);
    });
  });
});
