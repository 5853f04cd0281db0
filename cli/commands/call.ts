import { toJsonView } from "../../handlers/json-view.ts";
import type { ActorStub } from "../../runtime/client.ts";
import { ActorCallTimeoutError, ActorError, messageOf } from "../../runtime/core/errors.ts";
import { parseArguments } from "../arguments.ts";
import { CommandError } from "../command-error.ts";
import { instanceOf } from "../instance-arguments.ts";
import { inPlace, PLACE_HELP, PLACE_OPTIONS } from "../places.ts";

const HELP = `Calls a method of an instance, and prints its result as JSON.

  actors call <Type> <name> <method> [argument …] [options]

  argument           JSON, or else a bare word: 5, '{"amount":5}', alice
  --key <key>        an idempotency key: asked again with it, the call gives its first outcome
${PLACE_HELP}

On this machine the call goes to the running server (actors dev or actors start); with --stack to the stack's router function, which takes the right
lambda:InvokeFunction on it. An argument that begins with two dashes stands behind --, as in actors call Log app write -- --verbose.`;

const OPTIONS = { ...PLACE_OPTIONS, key: { type: "string" } } as const;

/** What `parseArgs` would take for an option; no argument of a process holds this character. */
const NUMBER = "\0";

/** `actors call`: one call, from outside. */
export async function call(args: readonly string[]): Promise<void> {
  const marked = args.map((arg) => (/^-[\d.]/.test(arg) ? `${NUMBER}${arg}` : arg));
  const { values, positionals } = parseArguments(marked, OPTIONS, CommandError);
  if (values.help === true) return console.log(HELP);
  const given = positionals.map((text) => (text.startsWith(NUMBER) ? text.slice(1) : text));
  const { id, others } = instanceOf("call", given);
  const [method, ...texts] = others;
  if (method === undefined || method === "") {
    throw new CommandError(
      `call needs to know which method: give its name after that of the instance, as in actors call ${id.type} alice balance`,
    );
  }
  await inPlace(values, async (place) => {
    const stub = place.connect().namespace<Record<string, never>>(id.type).idFromName(id.name);
    try {
      const target = values.key === undefined ? stub : stub.with({ idempotencyKey: values.key });
      print(await methodOf(target, method)(...texts.map(argument)));
    } catch (error) {
      if (!(error instanceof ActorError)) throw error;
      throw new CommandError(`${error.name}: ${error.message}${askAgain(error)} (${error.help})`, {
        cause: error,
      });
    }
  });
}

function methodOf(stub: ActorStub<Record<string, never>>, method: string) {
  const found: unknown = (stub as unknown as Record<string, unknown>)[method];
  if (typeof found === "function" && !["with", "fetch"].includes(method)) {
    return found as (...args: unknown[]) => Promise<unknown>;
  }
  throw new CommandError(
    `${JSON.stringify(method)} can't be called through a stub, which has something else by this name`,
  );
}

/** The call has happened: a result that can't be shown must not look like a call that failed. */
function print(result: unknown): void {
  let text: string;
  try {
    text = toJsonView(result);
  } catch (error) {
    throw new CommandError(`the call was done, but its result can't be shown as JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
  console.log(text);
}

function argument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function askAgain(error: ActorError): string {
  return error instanceof ActorCallTimeoutError
    ? "; it may still run: look with actors inspect, or call with --key next time, and again with the same one"
    : "";
}
