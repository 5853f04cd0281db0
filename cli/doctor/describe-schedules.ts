import type { StackClients } from "../../runtime/adapters/aws/deployed/clients.ts";
import { type ScheduleState, schedulesOf } from "../../runtime/adapters/aws/deployed/schedules.ts";
import { headsWake } from "../../runtime/adapters/aws/deployed/unfinished.ts";
import { decodeEnvelope } from "../../runtime/core/envelope.ts";
import { wakeOf } from "../../runtime/core/wake.ts";
import type { DescribedSchedule, DescribedSchedules, Seen } from "./description.ts";
import type { Look } from "./look.ts";

/** How many heads are read at once. */
const AT_ONCE = 50;

/** Schedules of a stack's group, each with the head of the instance that it wakes. */
export async function describeSchedules(
  { dynamo, scheduler }: StackClients,
  look: Look,
  limit: number,
): Promise<Seen<DescribedSchedules | undefined>> {
  const listed = await look.at("scheduler:ListSchedules, scheduler:GetSchedule", ["ScheduleGroup"], (group) =>
    schedulesOf(scheduler, { group, limit }),
  );
  if ("unseen" in listed || listed.seen === undefined) return listed as Seen<undefined>;
  const { schedules, more } = listed.seen;
  const found: DescribedSchedule[] = [];
  for (let from = 0; from < schedules.length; from += AT_ONCE) {
    const some = schedules.slice(from, from + AT_ONCE).map((each) => describeSchedule(dynamo, look, each));
    found.push(...(await Promise.all(some)));
  }
  return { seen: { found, more } };
}

async function describeSchedule(
  dynamo: StackClients["dynamo"],
  look: Look,
  schedule: ScheduleState,
): Promise<DescribedSchedule> {
  const wake = wakeIn(schedule);
  if (wake === undefined) return { ...schedule, wake, head: { seen: undefined } };
  const head = await look.at("dynamodb:GetItem", ["ActorTable"], (table) =>
    headsWake(dynamo, table, wake.id),
  );
  return { ...schedule, wake, head };
}

function wakeIn({ input }: ScheduleState): DescribedSchedule["wake"] {
  try {
    const envelope = decodeEnvelope(input);
    const wake = wakeOf(envelope);
    return wake && { id: envelope.to, wake };
  } catch {
    return undefined;
  }
}
