import { parseArgs } from "node:util";
import { debitUsage, perMillion } from "../model/cost.ts";
import { FUNCTIONS } from "../model/figures.ts";
import type { Pace } from "./pace.ts";
import type { Plan } from "./plan.ts";

const MAX_SECONDS = 600;
const MAX_CALLS = 1_000_000;
const MAX_CONCURRENCY = 2_000;
const MAX_INSTANCES = 1_000_000;

export const HELP = `Loads a deployed stack, or an embedded server, that serves examples/account, and compares every balance in the end.

  npm run bench:load -- --url <url> [options]
  npm run bench:load -- --stack <name> [options]

  --url <url>          the front door: http://127.0.0.1:8787, or that of a stack
  --header <n:v>       a header of each request, such as an authorization; may be given more than once
  --stack <name>       a deployed stack, by its router function: takes lambda:InvokeFunction, and whatever guards its door is passed by
  --rate <n>           calls a second, whether or not those before are answered (an open loop); without it each caller's next call
                       follows its answer (a closed loop)
  --concurrency <n>    callers, or with --rate the most calls under way at once, 1 to ${MAX_CONCURRENCY} (default: 16, with --rate 256)
  --seconds <n>        how long, 1 to ${MAX_SECONDS} (default: 10)
  --calls <n>          how many calls at most, 1 to ${MAX_CALLS} (default: 10000)
  --instances <n>      how many accounts, 1 to ${MAX_INSTANCES} (default: 100)
  --hot <share>        which part of the calls goes to one of them, 0 to 1 (default: 0, all alike)
  --seed <n>           the same seed makes the same calls (default: 1)
  --yes-cost           make calls that AWS charges for
  --json               print JSON
  -h, --help           show this

Accounts have names of this run, and stay. It ends by itself, and with 1 when a balance is not what its callers were told.`;

/** What a run of the load was asked for. */
export interface LoadTest {
  readonly target:
    | { readonly url: string; readonly headers: Readonly<Record<string, string>> }
    | { readonly stack: string };
  readonly pace: Pace;
  readonly plan: Plan;
  readonly json: boolean;
  /** Dollars at list prices, for the most calls that it can make; `undefined` on this machine. */
  readonly dollars: number | undefined;
}

/** What the load can't do as it was asked to. */
export class LoadMistake extends Error {
  override readonly name = "LoadMistake";
}

/**
 * @param awsEndpoint where the SDK sends its requests, if not to AWS
 * @throws LoadMistake
 */
export function parseLoadTest(args: readonly string[], awsEndpoint: string | undefined): LoadTest | "help" {
  const values = parsed(args);
  if (values.help === true) return "help";
  const pace = paceOf(values);
  const plan = {
    instances: count("instances", values.instances, 100, MAX_INSTANCES),
    hot: share(values.hot),
    seed: count("seed", values.seed, 1, 2 ** 31),
  };
  const target = targetOf(values);
  const where = "url" in target ? target.url : awsEndpoint;
  const dollars = where !== undefined && isLoopback(where) ? undefined : dollarsFor(target, pace, plan);
  if (dollars !== undefined && values["yes-cost"] !== true) {
    throw new LoadMistake(
      `this makes up to ${mostCalls(pace).toLocaleString("en")} calls of ${"url" in target ? target.url : `stack ${target.stack}`}, for about $${dollars.toFixed(2)} at list prices: give --yes-cost if it is meant, or fewer --calls or --seconds`,
    );
  }
  return { target, pace, plan, json: values.json === true, dollars };
}

function parsed(args: readonly string[]) {
  const one = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        url: one,
        header: { type: "string", multiple: true },
        stack: one,
        rate: one,
        concurrency: one,
        seconds: one,
        calls: one,
        instances: one,
        hot: one,
        seed: one,
        "yes-cost": { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (cause) {
    throw new LoadMistake(`${(cause as Error).message}; --help shows what there is`, { cause });
  }
}

type Values = ReturnType<typeof parsed>;

function paceOf({ rate, concurrency, seconds, calls }: Values): Pace {
  return {
    rate: rate === undefined ? undefined : count("rate", rate, 1, 100_000),
    concurrency: count("concurrency", concurrency, rate === undefined ? 16 : 256, MAX_CONCURRENCY),
    calls: count("calls", calls, 10_000, MAX_CALLS),
    ms: count("seconds", seconds, 10, MAX_SECONDS) * 1000,
  };
}

function targetOf({ url, stack, header = [] }: Values): LoadTest["target"] {
  if ((url === undefined) === (stack === undefined)) {
    throw new LoadMistake("give either --url <url> or --stack <name>: what is loaded");
  }
  if (url === undefined) {
    if (header.length > 0)
      throw new LoadMistake(
        "--header goes with --url: a router function is invoked with the rights of the environment",
      );
    return { stack: stack ?? "" };
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new LoadMistake(
      `--url is ${JSON.stringify(url)}: give an address that begins with http:// or https://`,
    );
  }
  return { url, headers: Object.fromEntries(header.map(headerOf)) };
}

function headerOf(text: string): [string, string] {
  const colon = text.indexOf(":");
  if (colon < 1)
    throw new LoadMistake(`--header is ${JSON.stringify(text)}: give a name, a colon and a value`);
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}

function count(option: string, text: string | undefined, otherwise: number, most: number): number {
  if (text === undefined) return otherwise;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= most) return value;
  throw new LoadMistake(`--${option} is ${JSON.stringify(text)}: give a whole number from 1 to ${most}`);
}

function share(text: string | undefined): number {
  if (text === undefined) return 0;
  const value = /^(0|1|0?\.\d+)$/.test(text) ? Number(text) : -1;
  if (value >= 0 && value <= 1) return value;
  throw new LoadMistake(`--hot is ${JSON.stringify(text)}: give a share from 0 to 1, such as 0.5`);
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** The most calls that a pace can come to. */
function mostCalls({ rate, calls, ms }: Pace): number {
  return rate === undefined ? calls : Math.min(calls, Math.ceil((rate * ms) / 1000));
}

/** Each call as if it had a batch of its own, which is the dearest case; each account is read once more in the end. */
function dollarsFor(target: LoadTest["target"], pace: Pace, { instances }: Plan): number {
  const calls = mostCalls(pace) + Math.min(instances, mostCalls(pace));
  return (calls / 1e6) * dollarsPerMillion(target);
}

/** At list prices, all in. A function that is invoked directly costs what one behind its own URL does. */
export function dollarsPerMillion(target: LoadTest["target"]): number {
  const isFunction = "stack" in target || /\.lambda-url\./.test(new URL(target.url).hostname);
  const usage = debitUsage({
    door: isFunction ? "function URL" : "HTTP API",
    batch: 1,
    sentTogether: 1,
    routerGb: FUNCTIONS.routerGb,
    shortLease: true,
  });
  return perMillion(usage, 100).total;
}
