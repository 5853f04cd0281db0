import { expect, onTestFinished, test, vi } from "vitest";
import { lambdaTelemetry } from "../../../handlers/aws-telemetry.ts";

function environment(variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
}

// Lambda wraps what goes through the console; CloudWatch finds metrics and fields only in plain JSON.
test("metrics and problems go to the log as they are, around the console", () => {
  environment({ ACTORS_STACK: "bank" });
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const consoles = [vi.spyOn(console, "log"), vi.spyOn(console, "error")];
  onTestFinished(() => void vi.restoreAllMocks());
  const telemetry = lambdaTelemetry();
  telemetry.count("AlarmsDropped", { type: "Account" });
  telemetry.problem("schedule refused", { type: "Account", name: "ann" });
  for (const each of consoles) expect(each).not.toHaveBeenCalled();
  const lines = write.mock.calls.map(([line]) => JSON.parse(String(line)));
  expect(lines).toEqual([
    expect.objectContaining({ stack: "bank", type: "Account", AlarmsDropped: 1 }),
    { level: "WARN", message: "schedule refused", stack: "bank", type: "Account", instance: "52689767c030" },
  ]);
});

test("the environment says whether names are told and what is measured", () => {
  expect(lambdaTelemetry().work).toBeUndefined();
  environment({ ACTORS_METRICS: "sampled", ACTORS_LOG_NAMES: "1" });
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  onTestFinished(() => void vi.restoreAllMocks());
  const telemetry = lambdaTelemetry();
  expect(telemetry.work).toBeDefined();
  telemetry.problem("turn failed", { type: "Account", name: "ann" });
  expect(JSON.parse(String(write.mock.calls[0]?.[0]))).toMatchObject({ name: "ann" });
  environment({ ACTORS_METRICS: "some" });
  expect(() => lambdaTelemetry()).toThrow('ACTORS_METRICS must be problems, sampled, all, not "some"');
});
