import { isSame } from "./clock.ts";
import type { Setting, State } from "./state.ts";

/** The promise that `state` breaks, or `undefined`. */
export function brokenPromise(state: State, stuck: boolean, setting: Setting): string | undefined {
  return (
    state.wrong ?? brokenCall(state) ?? brokenQuiet(state) ?? (stuck ? brokenEnd(state, setting) : undefined)
  );
}

/** Calls are applied at most once. */
function brokenCall({ applied }: State): string | undefined {
  const twice = applied.find((call, index) => applied.indexOf(call) < index);
  return twice === undefined ? undefined : `call ${twice} is applied twice`;
}

/** While nobody works and nothing waits in the mailbox, an alarm has a wake on its way that comes no later than it is due. */
function brokenQuiet({ head: { alarm }, workers, mailbox, onTheWay }: State): string | undefined {
  const quiet = mailbox.length === 0 && workers.every(({ at }) => at === "idle");
  if (!quiet || !alarm || onTheWay.some(({ at }) => at <= alarm.at)) return undefined;
  return `alarm ${alarm.setting} is left without a wake by its time`;
}

/** In the end no alarm is left, and every call that was not refused is applied. */
function brokenEnd({ head, mailbox, onTheWay, applied }: State, { scenario }: Setting): string | undefined {
  if (mailbox.length > 0 || onTheWay.length > 0) return "work is left that nobody can do";
  if (head.alarm) return `alarm ${head.alarm.setting} never fires`;
  const missing = scenario.calls.findIndex(
    (endings, call) => !endings.includes("reads") && !applied.includes(call),
  );
  return missing < 0 ? undefined : `call ${missing} is never applied`;
}

/**
 * What makes the protocol keep its promises, in every state: an alarm's head has a wake that comes no later than the alarm is due, and
 * that wake is on its way or in the mailbox.
 */
export function brokenInvariant({ head: { alarm, wake }, onTheWay, mailbox }: State): string | undefined {
  if (!alarm) return undefined;
  if (!wake || wake.at > alarm.at) return `alarm ${alarm.setting} has no wake to count on`;
  const inMailbox = mailbox.flatMap(({ message: { asks } }) => (typeof asks === "number" ? [] : [asks]));
  const there = [...onTheWay, ...inMailbox].some((other) => isSame(other, wake, "time and version"));
  return there ? undefined : `alarm ${alarm.setting} counts on a wake that will not come`;
}
