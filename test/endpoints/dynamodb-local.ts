import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cachedFolder } from "./cached-folder.ts";
import { findJava } from "./java.ts";
import { run, tail } from "./processes.ts";
import { freePort, type RunningServer, startServer } from "./server-process.ts";
import { EndpointUnavailable } from "./unavailable.ts";

// DynamoDB Local 1.25.1, as AWS Amplify ships it inside one of its npm packages.
const carrier = "amplify-dynamodb-simulator@2.9.30";
const carrierSha512 =
  "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ==";

/** The command that runs DynamoDB Local; `-port` is still to come. `scratch` is a folder for what it unpacks. */
export type DynamoDBLocalCommand = (scratch: string) => [command: string, ...args: string[]];

/**
 * Finds DynamoDB Local, AWS's own engine, to be run in memory. `log` takes the output of its installation. It has no option that
 * binds it to the loopback interface, so while the tests run its (throw-away) data can be reached from outside.
 *
 * @throws EndpointUnavailable when neither Java nor a fitting Python is there, or the download fails.
 */
export async function findDynamoDBLocal(log: string): Promise<DynamoDBLocalCommand> {
  mkdirSync(dirname(log), { recursive: true });
  const [folder, java] = await Promise.all([engineFolder(log), findJava(log)]);
  return (scratch) => [
    java,
    `-Djava.library.path=${join(folder, "DynamoDBLocal_lib")}`,
    `-Djava.io.tmpdir=${scratch}`,
    "-jar",
    join(folder, "DynamoDBLocal.jar"),
    "-inMemory",
    "-disableTelemetry",
  ];
}

/**
 * Starts DynamoDB Local on a free port. `log` is the file for its output.
 *
 * @throws EndpointUnavailable when neither Java nor a fitting Python is there, or the download fails.
 */
export async function startDynamoDBLocal({ log }: { log: string }): Promise<RunningServer> {
  const commandIn = await findDynamoDBLocal(log);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const state = mkdtempSync(join(tmpdir(), "stateful-actors-dynamodb-"));
  const [command, ...args] = commandIn(state);
  return startServer({
    name: "DynamoDB Local",
    url,
    command,
    args: [...args, "-sharedDb", "-port", String(port)],
    env: { PATH: process.env.PATH, HOME: state },
    cwd: state,
    log,
    removeAfter: [state],
    // It has no health page: any answer of its own, here one that refuses an unsigned request, means that it is up.
    ready: async () => (await fetch(url)).headers.has("x-amzn-requestid"),
    deadlineMs: 300_000,
  });
}

async function engineFolder(log: string): Promise<string> {
  const folder = await cachedFolder(carrier, (partial) => unpackEngine(partial, log));
  return join(folder, "package", "emulator");
}

async function unpackEngine(folder: string, log: string): Promise<void> {
  const packed = await run("npm", ["pack", carrier, "--json", "--pack-destination", folder], {
    cwd: folder,
    timeoutMs: 300_000,
  });
  appendFileSync(log, packed.output);
  if (packed.code !== 0) {
    throw new EndpointUnavailable(
      `DynamoDB Local could not be downloaded as ${carrier} (${npmReason(packed.output)}); check that npm can reach its registry`,
    );
  }
  const tarball = join(folder, `${carrier.replace("@", "-")}.tgz`);
  const sha512 = createHash("sha512").update(readFileSync(tarball)).digest("base64");
  if (sha512 !== carrierSha512) {
    throw new Error(`${carrier} has the checksum sha512-${sha512}, not sha512-${carrierSha512}: not used`);
  }
  const unpacked = await run("tar", ["-xzf", tarball, "-C", folder, "package/emulator"]);
  if (unpacked.code !== 0) throw new Error(`${tarball} could not be unpacked: ${tail(unpacked.output)}`);
  await rm(tarball);
}

/** npm's last lines name only its log; the reason stands in the first one that is not a code. */
function npmReason(output: string): string {
  const lines = output.split("\n").filter((line) => /^npm error (?!code|syscall|errno)/.test(line));
  return lines[0]?.replace("npm error ", "") ?? tail(output, 1);
}
