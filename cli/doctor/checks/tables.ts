import type { TableState } from "../../../runtime/adapters/aws/deployed/tables.ts";
import type { DescribedTable, StackDescription } from "../description.ts";
import type { Finding, Verdict } from "../finding.ts";

const CHECK = "tables";

/** What stands in for AWS takes some settings at the deployment, and says something else later. */
const ELSEWHERE = ", says an endpoint that is not AWS's";

export function checkTables(description: StackDescription): Verdict[] {
  return [
    ...check("the actor table", ["actor", "entry"], description.actorTable, (of, table) =>
      checkActorTable(of, table, description),
    ),
    ...check("the reply table", ["id"], description.replyTable, (of) =>
      checkReplyTable(of, description.replyTable, description),
    ),
  ];
}

function check(
  label: string,
  keys: readonly string[],
  { table: look, ...others }: DescribedTable,
  more: (of: string, table: TableState) => Verdict[],
): Verdict[] {
  if ("unseen" in look) {
    const looks = [look, ...Object.values(others)].flatMap((each) => ("unseen" in each ? each.unseen : []));
    return looks.map((untold) => ({ check: CHECK, of: label, untold }));
  }
  const table = look.seen;
  if (table === undefined) {
    return [
      {
        severity: "error",
        check: CHECK,
        of: label,
        found: "it is not there",
        rule: "nothing can be run without it",
        fix: "deploy again, and restore it from a backup (docs/operations.md, Restore from a backup)",
      },
    ];
  }
  const of = `table ${table.name}`;
  const verdicts: Verdict[] = [];
  if (table.status !== "ACTIVE" && table.status !== "UPDATING") {
    verdicts.push({
      ...error(of, `it is ${table.status}`, "it must be active to be read and written"),
      fix: "look at it in DynamoDB; after a restore, wait until it is active",
    });
  }
  if (table.keys.join(", ") !== keys.join(", ")) {
    verdicts.push({
      ...error(of, `its keys are ${table.keys.join(", ")}`, `its keys are ${keys.join(", ")}`),
      fix: "it is another table: look at how it came to its name",
    });
  }
  return [...verdicts, ...checkCapacity(of, table), ...more(of, table)];
}

function checkCapacity(of: string, table: TableState): Verdict[] {
  const verdicts: Verdict[] = [];
  if (table.billingMode !== "PAY_PER_REQUEST") {
    verdicts.push({
      severity: "warning",
      check: CHECK,
      of,
      setting: "BillingMode",
      found: `its capacity is ${table.billingMode}`,
      rule: "on demand, as deployed: what goes beyond provisioned units is throttled, and calls come late",
      fix: "deploy again, or see that the units follow the load",
    });
  }
  const limits = [
    ["read", table.maxReadUnits],
    ["write", table.maxWriteUnits],
  ] as const;
  for (const [kind, units] of limits) {
    if (units === undefined) continue;
    verdicts.push({
      severity: "note",
      check: CHECK,
      of,
      setting: `Max${kind}`,
      found: `it takes at most ${units} ${kind} units a second`,
      rule: "a debit takes two write units, one here and one of the reply table, and a read unit: more is throttled",
      fix: "raise or remove its maximum on-demand throughput if calls come late",
    });
  }
  return verdicts;
}

function checkActorTable(of: string, table: TableState, { actorTable, isAws }: StackDescription): Verdict[] {
  const { expiry, recoverable } = actorTable;
  const verdicts: Verdict[] = [];
  if ("unseen" in expiry) verdicts.push({ check: CHECK, of, untold: expiry.unseen });
  else if (expiry.seen !== undefined) {
    verdicts.push({
      ...error(of, `its items expire by ${expiry.seen}`, "state never expires by itself"),
      setting: "TimeToLive",
      fix: `aws dynamodb update-time-to-live --table-name ${table.name} --time-to-live-specification Enabled=false,AttributeName=${expiry.seen}`,
    });
  }
  if ("unseen" in recoverable) verdicts.push({ check: CHECK, of, untold: recoverable.unseen });
  else if (recoverable.seen === undefined)
    verdicts.push({ check: CHECK, of, untold: "whether it has point-in-time recovery" });
  else if (!recoverable.seen && !isAws) {
    verdicts.push({ check: CHECK, of, untold: `it has no point-in-time recovery${ELSEWHERE}` });
  } else if (!recoverable.seen) {
    verdicts.push({
      severity: "note",
      check: CHECK,
      of,
      setting: "PointInTimeRecovery",
      found: "it has no point-in-time recovery",
      rule: "state that matters can be restored to any second of the last weeks",
      fix: "deploy it with pointInTimeRecovery, unless its state need not be kept",
    });
  }
  if (table.replicas.length > 0) {
    verdicts.push({
      ...error(
        of,
        `it has copies that take writes in ${table.replicas.join(", ")}`,
        "one region serves an instance: with asynchronous copies each region would grant its own version, and both would commit",
      ),
      fix: "let nothing write to the copies, or remove them; for a copy of the state use AWS Backup",
    });
  }
  return verdicts;
}

function checkReplyTable(of: string, { expiry }: DescribedTable, { isAws }: StackDescription): Verdict[] {
  if ("unseen" in expiry) return [{ check: CHECK, of, untold: expiry.unseen }];
  if (expiry.seen === "expires") return [];
  const found = expiry.seen === undefined ? "its items do not expire" : `its items expire by ${expiry.seen}`;
  if (!isAws) return [{ check: CHECK, of, untold: `${found}${ELSEWHERE}` }];
  return [
    {
      ...error(
        of,
        found,
        "replies expire by the attribute expires: otherwise each call leaves an item for ever",
      ),
      setting: "TimeToLive",
      fix: "deploy again, or aws dynamodb update-time-to-live with Enabled=true,AttributeName=expires",
    },
  ];
}

function error(of: string, found: string, rule: string): Omit<Finding, "fix"> {
  return { severity: "error", check: CHECK, of, found, rule };
}
