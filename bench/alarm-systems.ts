import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundleForEmbedded } from "../project/bundle.ts";
import { readProject } from "../project/project.ts";
import { connect } from "../runtime/client.ts";
import { awsEndpoint, noRealAccount } from "../test/endpoints/aws.ts";
import type { Firing, Sleeper } from "../test/projects/probe/src/sleeper.ts";
import { startInProcessStack } from "../test/stack/in-process-stack.ts";

/** Something that has sleepers, the actors of `test/projects/probe` that take down when their alarms fire. */
export interface AlarmSystem {
  /** @param due in whole ms since the epoch */
  wakeAt(name: string, due: number): Promise<unknown>;
  firings(name: string): Promise<Firing[]>;
  stop(): Promise<void>;
}

const CHECKOUT = join(import.meta.dirname, "..");
const PROBE = join(CHECKOUT, "test/projects/probe");

/** The real `actors dev` in a process of its own, called over HTTP. */
export async function embeddedSystem(): Promise<AlarmSystem> {
  const folder = mkdtempSync(join(tmpdir(), "bench-alarms-"));
  const args = [join(CHECKOUT, "cli/actors.ts"), "dev", PROBE, "--port", "0", "--state", folder];
  const server = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(server, "exit");
  const stop = async () => {
    server.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for await (const text of server.stdout.setEncoding("utf8")) {
    const url = /^serving \S+ on (http:\S+)$/m.exec(text)?.[1];
    if (url === undefined) continue;
    const sleepers = connect({ url }).namespace<Sleeper>("Sleeper");
    return {
      wakeAt: (name, due) => sleepers.idFromName(name).wakeAt(due),
      firings: (name) => sleepers.idFromName(name).firings(),
      stop,
    };
  }
  await stop();
  throw new Error("the server ended before it served");
}

/**
 * The functions of a stack in this process, on real queues and tables of an AWS-compatible endpoint. Their event sources poll without
 * a pause: an emulator's own look once a second.
 */
export async function queueSystem(): Promise<AlarmSystem> {
  const folder = mkdtempSync(join(tmpdir(), "bench-alarms-"));
  const endpoint = await awsEndpoint({ log: join(folder, "endpoint.log") });
  Object.assign(process.env, noRealAccount);
  const { file } = await bundleForEmbedded(readProject(PROBE), join(folder, "probe.mjs"));
  const stack = await startInProcessStack({
    url: endpoint.url,
    module: await import(pathToFileURL(file).href),
    actors: ["Sleeper", "Desk"].map((type) => ({ binding: type.toUpperCase(), type })),
    setVariable: (name, value) => {
      process.env[name] = value;
    },
  });
  const sleepers = connect({ router: "router", lambda: stack.lambda }).namespace<Sleeper>("Sleeper");
  return {
    wakeAt: (name, due) => sleepers.idFromName(name).wakeAt(due),
    firings: (name) => sleepers.idFromName(name).firings(),
    async stop() {
      await stack.stop();
      await endpoint.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
