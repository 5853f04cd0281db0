import { type FunctionName, type StackDescription, seen } from "../description.ts";
import type { Verdict } from "../finding.ts";

const CHECK = "logs";

export function checkLogs(description: StackDescription): Verdict[] {
  return Object.entries(description.logs).flatMap(([name, look]): Verdict[] => {
    const of = `log of the ${name}`;
    if ("unseen" in look) return [{ check: CHECK, of, untold: look.unseen }];
    const group = look.seen;
    const writer = seen(description[name as FunctionName].function);
    if (group === undefined) {
      return [
        {
          severity: "warning",
          check: CHECK,
          of,
          found: "its log group is not there",
          rule: "what goes wrong is told there, and nowhere else",
          fix: "deploy again; the function has no right to make another one",
        },
      ];
    }
    const verdicts: Verdict[] = [];
    if (writer?.logGroup !== undefined && writer.logGroup !== group.name) {
      verdicts.push({
        severity: "warning",
        check: CHECK,
        of,
        found: `the function writes to ${writer.logGroup}`,
        rule: `${group.name}, where actors logs looks and the function has the right to write`,
        fix: "deploy again",
      });
    }
    if (group.retentionDays === undefined) {
      verdicts.push({
        severity: "warning",
        check: CHECK,
        of,
        setting: "RetentionInDays",
        found: "its events are kept for ever",
        rule: "logs end at some time: they cost by the month, and may hold what your code has thrown",
        fix: "deploy again, or aws logs put-retention-policy",
      });
    }
    return verdicts;
  });
}
