import type { AlarmClock } from "../runtime/ports/alarm-clock.ts";
import type { ActorId } from "../runtime/ports/mailbox.ts";
import type { Store } from "../runtime/ports/store.ts";

/** Makes an instance's alarm due now. @returns whether it has one */
export async function bringForward(
  id: ActorId,
  { store, alarmClock, now }: { store: Store; alarmClock: AlarmClock; now: number },
): Promise<boolean> {
  const head = await store.hydrate(id);
  if (head?.alarm === undefined) return false;
  const version = head.version + 1;
  const wake = { at: now, version };
  const alarm = { ...head.alarm, at: Math.min(head.alarm.at, now) };
  await alarmClock.arm(id, wake);
  const commit = { id, expected: head.version, head: { ...head, version, alarm, wake }, entries: new Map() };
  const { status } = await store.commit(commit);
  // A turn that time has left behind may commit meanwhile.
  return status === "committed" || bringForward(id, { store, alarmClock, now });
}
