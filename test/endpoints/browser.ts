import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { cachedFolder } from "./cached-folder.ts";
import { run, tail } from "./processes.ts";
import { EndpointUnavailable } from "./unavailable.ts";

// A headless Chromium inside an npm package: where npm reaches its registry, it can be had.
const carrier = "@sparticuz/chromium@153.0.0";
const installed = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const cure = "install Chromium, on Debian with: apt install chromium";

// The browser has no business elsewhere, and neither has what it shows.
const thisMachineOnly = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1";

/**
 * Starts Chromium: the system's, else a headless one that npm brings at first use. `log` takes the output of its installation.
 *
 * @throws EndpointUnavailable when there is none and none can be fetched, or what is there does not start.
 */
export async function startBrowser({ log }: { log: string }): Promise<Browser> {
  const onPath = (process.env.PATH ?? "")
    .split(delimiter)
    .flatMap((folder) => installed.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
  const { executablePath, args } = onPath ? { executablePath: onPath, args: [] } : await fetchedBrowser(log);
  return chromium.launch({ executablePath, args: [...args, thisMachineOnly] }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EndpointUnavailable(`${executablePath} does not start; ${cure}. It said: ${tail(reason)}`);
  });
}

interface Fetched {
  readonly executablePath: string;
  /** What it needs to run where there is no desktop. */
  readonly args: readonly string[];
}

async function fetchedBrowser(log: string): Promise<Fetched> {
  mkdirSync(dirname(log), { recursive: true });
  const folder = await cachedFolder(carrier.replace("/", "-"), async (partial) => {
    const { code, output } = await run(
      "npm",
      ["install", "--prefix", partial, "--no-audit", "--no-fund", "--ignore-scripts", carrier],
      { timeoutMs: 300_000 },
    );
    appendFileSync(log, output);
    if (code === 0) return;
    throw new EndpointUnavailable(
      `no Chromium is on the PATH, and ${carrier} could not be fetched (${tail(output, 1)}); ${cure}; the whole output is in ${log}`,
    );
  });
  const require = createRequire(join(folder, "package.json"));
  const fetched: { readonly default: { readonly args: string[]; executablePath(): Promise<string> } } =
    await import(pathToFileURL(require.resolve("@sparticuz/chromium")).href);
  // In a single process the first page that is closed ends the browser.
  const args = fetched.default.args.filter((arg) => arg !== "--single-process" && arg !== "--no-zygote");
  return { executablePath: await fetched.default.executablePath(), args };
}
