import { stackClients } from "../../runtime/adapters/aws/deployed/clients.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { describeStack } from "../described-stack.ts";
import { describeDeployment } from "./describe.ts";
import { type StackDescription, seen } from "./description.ts";
import { examine } from "./examine.ts";
import { inOrder } from "./finding.ts";
import type { Report } from "./report.ts";

/**
 * Looks at a deployed stack, and judges it.
 *
 * @throws CommandError there is no such stack, or AWS does not even tell that
 */
export async function stackReport(
  stack: string,
  { schedules, items }: { schedules: number; items: number },
): Promise<Report> {
  const { outputs } = await describeStack(stack);
  const clients = stackClients();
  try {
    const description = await describeDeployment(clients, {
      stack,
      outputs,
      now: systemClock.now(),
      schedules,
      items,
      // Each run looks at another part of a large table.
      place: Math.random(),
    });
    return {
      of: `stack ${stack}`,
      ...inOrder(examine(description)),
      looked: looked(description),
    };
  } finally {
    clients.close();
  }
}

function looked({ schedules, unfinished, actorTable, mailboxes }: StackDescription): string[] {
  const lines = [`${mailboxes.length} mailbox queue${mailboxes.length === 1 ? "" : "s"}`];
  const found = seen(schedules);
  if (found !== undefined) {
    lines.push(
      `${found.found.length} schedules${found.more ? ", and there are more: --schedules looks at more" : ", which are all"}`,
    );
  }
  const scanned = seen(unfinished);
  if (scanned !== undefined) {
    const table = seen(actorTable.table);
    const part = `of about ${(table?.items ?? 0).toLocaleString("en")}: --items looks at more`;
    lines.push(
      `${scanned.items.toLocaleString("en")} items of the actor table, ${scanned.all ? "which are all" : part}`,
    );
  }
  return lines;
}
