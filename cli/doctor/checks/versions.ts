import { functionOf } from "../../../runtime/adapters/aws/deployed/functions.ts";
import { shownTime } from "../../shown.ts";
import { type FunctionName, type StackDescription, seen } from "../description.ts";
import type { Verdict } from "../finding.ts";

const CHECK = "versions";

/** CloudFormation writes its time down some moments after Lambda's. */
const SAME_MS = 5 * 60_000;

/** Whether all functions run what was deployed together. */
export function checkVersions(description: StackDescription): Verdict[] {
  const { deployed, mailboxes, worker, now } = description;
  const verdicts: Verdict[] = [];
  for (const name of ["worker", "router", "forwarder"] satisfies FunctionName[]) {
    const found = seen(description[name].function);
    const updatedAt = found && seen(deployed)?.get(found.name)?.updatedAt;
    if (found === undefined || updatedAt === undefined) continue;
    if (!(found.modifiedAt > updatedAt + SAME_MS)) continue;
    verdicts.push({
      severity: "warning",
      check: CHECK,
      of: `${name} ${found.name}`,
      found: `its code or its settings were changed at ${shownTime(found.modifiedAt, now)}, by no deployment: the last one changed it at ${shownTime(updatedAt, now)}`,
      rule: "router, worker and forwarder are of one deployment: what one writes the others must read",
      fix: "deploy again what shall run; a deployment that changes nothing in the template leaves the function as it is",
    });
  }
  const alias = seen(worker.alias);
  if (alias?.other !== undefined) {
    verdicts.push({
      severity: "note",
      check: CHECK,
      of: `alias ${alias.name} of the worker`,
      found: `version ${alias.version} gets ${percent(1 - alias.other.share)} of the batches, version ${alias.other.version} ${percent(alias.other.share)}`,
      rule: "two versions are at work while traffic is shifted, and both must read what the other writes",
      fix: "nothing, while a deployment shifts traffic; otherwise point the alias to one version",
    });
  }
  const targets = new Set(
    mailboxes.flatMap(({ sources }) => (seen(sources) ?? []).map(({ functionArn }) => functionArn)),
  );
  const qualifiers = new Set([...targets].map((arn) => functionOf(arn).qualifier ?? "the latest code"));
  if (qualifiers.size > 1) {
    verdicts.push({
      severity: "warning",
      check: CHECK,
      of: "event sources of the mailboxes",
      found: `they hand out batches to ${[...qualifiers].join(" and ")}`,
      rule: "all shards are worked off by the same version of the worker",
      fix: "deploy again",
    });
  }
  return verdicts;
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
