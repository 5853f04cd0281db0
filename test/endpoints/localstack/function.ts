// Runs the code of one Lambda function: invocations come as lines of JSON on standard input, answers leave as lines of JSON on the file
// descriptor that the argument names. Ends with its input.
//
// Started by host.py, with the environment that the function has: node function.ts <descriptor>

import { existsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

interface Invocation {
  readonly "invoke-id": string;
  readonly "invoked-function-arn": string;
  /** JSON. */
  readonly payload: string;
  /** In seconds. */
  readonly timeout: number;
}

const answers = Number(process.argv[2]);
const [file = "", name = ""] = (process.env._HANDLER ?? "").split(".");
const folder = process.env.LAMBDA_TASK_ROOT ?? "";
const source = [".mjs", ".js", ".cjs"].map((extension) => join(folder, file + extension)).find(existsSync);
if (!source) throw new Error(`${folder} has no module ${file}`);
const { [name]: handler } = await import(pathToFileURL(source).href);

for await (const line of createInterface({ input: process.stdin })) {
  const invocation = JSON.parse(line) as Invocation;
  const endsAt = Date.now() + invocation.timeout * 1000;
  const context = {
    awsRequestId: invocation["invoke-id"],
    invokedFunctionArn: invocation["invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    getRemainingTimeInMillis: () => endsAt - Date.now(),
  };
  const answer = await run(() => handler(JSON.parse(invocation.payload), context));
  writeWhole(Buffer.from(`${JSON.stringify(answer)}\n`));
}
process.exit(0);

async function run(invoke: () => unknown): Promise<{ failed: boolean; payload: string }> {
  try {
    return { failed: false, payload: JSON.stringify((await invoke()) ?? null) };
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    const payload = { errorType: name, errorMessage: message, trace: stack?.split("\n") };
    return { failed: true, payload: JSON.stringify(payload) };
  }
}

function writeWhole(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(answers, bytes, at);
}
