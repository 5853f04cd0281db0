import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type EmbeddedServer, startEmbedded } from "../../handlers/embedded.ts";
import { connect } from "../../runtime/client.ts";
import { actorPath, doorPath, stubPath } from "../acceptance/call-paths.ts";
import { describeCalls } from "../acceptance/call-suite.ts";
import { apiClient } from "../endpoints/api-client.ts";
import * as probe from "../projects/probe/src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "calls-"));
let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded({
    module: { ...probe },
    actors: ["Probe", "Relay", "Desk", "Clerk"].map((type) => ({ binding: type.toUpperCase(), type })),
    stateFile: join(folder, "state.sqlite"),
    port: 0,
    host: "127.0.0.1",
    exposeStacks: true,
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const request: ReturnType<typeof apiClient> = (...asked) =>
  apiClient({ endpoint: server.url.replace("localhost", "127.0.0.1"), host: new URL(server.url).host })(
    ...asked,
  );
const client = stubPath((type) => connect({ url: server.url }).namespace(type));

describeCalls("embedded door", () => doorPath(() => ({ request })), {
  stubs: false,
  stacks: false,
  chains: true,
  unknownTypes: true,
});
describeCalls("client over HTTP, embedded", () => client, {
  stubs: true,
  stacks: true,
  chains: true,
  unknownTypes: true,
});
describeCalls("actor to actor, embedded", () => actorPath(client), {
  stubs: true,
  stacks: true,
  chains: true,
  unknownTypes: false,
});
