import { afterAll, beforeAll, inject, vi } from "vitest";
import { connect } from "../../runtime/client.ts";
import { describeAlarms } from "../acceptance/alarm-suite.ts";
import { actorPath, doorPath, stubPath } from "../acceptance/call-paths.ts";
import { describeCalls } from "../acceptance/call-suite.ts";
import { describeProbe } from "../acceptance/probe-suite.ts";
import { describeWith } from "../endpoints/gate.ts";
import * as probe from "../projects/probe/src/index.ts";
import { type InProcessStack, startInProcessStack } from "./in-process-stack.ts";

describeWith(inject("aws"), "the handlers in process", ({ url }) => {
  let stack: InProcessStack;
  beforeAll(async () => {
    vi.stubEnv("PROBE_GREETING", "hello from the manifest");
    stack = await startInProcessStack({
      url,
      module: { ...probe },
      actors: ["Probe", "Relay", "Script", "Loader", "Desk", "Clerk", "Sleeper"].map((type) => ({
        binding: type.toUpperCase(),
        type,
      })),
      setVariable: vi.stubEnv,
    });
  });
  afterAll(async () => {
    await stack?.stop();
    vi.unstubAllEnvs();
  });

  describeProbe("handlers in process", () => stack);
  describeAlarms("handlers in process", () => stack);

  const inProcess = { stubs: true, stacks: false, chains: true, unknownTypes: true };
  describeCalls("router in process", () => doorPath(() => stack), { ...inProcess, stubs: false });
  const client = stubPath((type) => connect({ router: "router", lambda: stack.lambda }).namespace(type));
  describeCalls("client, handlers in process", () => client, inProcess);
  describeCalls("actor to actor, handlers in process", () => actorPath(client), {
    ...inProcess,
    unknownTypes: false,
  });
});
