import { join } from "node:path";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, inject, vi } from "vitest";
import { connect } from "../../runtime/client.ts";
import type { ActorNamespace } from "../../runtime/core/namespace.ts";
import { doorPath, stubPath } from "../acceptance/call-paths.ts";
import { describeCalls } from "../acceptance/call-suite.ts";
import { type ApiProxy, startProxy } from "../acceptance/proxy.ts";
import { sdkOptions } from "../endpoints/aws.ts";
import { type Deployment, deployProject } from "../endpoints/deployment.ts";
import { describeWith } from "../endpoints/gate.ts";

const TYPES = ["Probe", "Relay", "Desk", "Clerk", "Nobody"];

describeWith(inject("aws"), "calls of a deployed project", ({ url }) => {
  let deployment: Deployment;
  let proxy: ApiProxy;
  let bound: Record<string, ActorNamespace>;
  beforeAll(async () => {
    deployment = await deployProject({
      endpoint: url,
      projectDir: join(import.meta.dirname, "../projects/probe"),
      stack: "probe-calls",
    });
    // The client's own `fetch` can't give the API's name as the host.
    proxy = await startProxy(deployment);
    const { MailboxUrl: mailbox, DelayUrl: delay, ReplyTable: replies } = deployment.outputs;
    const bindings = TYPES.map((type) => [type.toUpperCase(), { type, mailbox, delay, replies }]);
    vi.stubEnv("AWS_ENDPOINT_URL", url);
    vi.stubEnv("ACTOR_BINDINGS", JSON.stringify(Object.fromEntries(bindings)));
    // As a function that `actors.bind` has bound: its environment is there before its code.
    ({ env: bound } = (await import("../../handlers/bound.ts")) as unknown as {
      env: Record<string, ActorNamespace>;
    });
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await proxy?.stop();
    await deployment?.destroy();
  });

  // Emulators run one batch of a FIFO queue at a time; handlers.test.ts has calls from actor to actor.
  const stubs = { stubs: true, stacks: false, chains: false, unknownTypes: true };
  describeCalls("deployed door", () => doorPath(() => deployment), { ...stubs, stubs: false });
  describeCalls(
    "client over HTTP, deployed",
    () => stubPath((type) => connect({ url: proxy.url }).namespace(type)),
    stubs,
  );
  const lambda = new LambdaClient(sdkOptions(url));
  describeCalls(
    "client over Lambda",
    () =>
      stubPath((type) => connect({ router: deployment.outputs.RouterName ?? "", lambda }).namespace(type)),
    stubs,
  );
  describeCalls(
    "bound Lambda",
    () =>
      stubPath((type) => {
        const namespace = bound[type.toUpperCase()];
        if (!namespace) throw new Error(`no binding of ${type}`);
        return namespace;
      }),
    stubs,
  );
});
