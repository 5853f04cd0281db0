import type { Alarm } from "../ports/alarm-clock.ts";
import type { ProblemDetail } from "../ports/telemetry.ts";
import { aboutInstance } from "./about.ts";
import type { Activation } from "./activation.ts";
import { isLastAttempt, nextAttempt } from "./alarm.ts";
import { type Changes, NO_CHANGES } from "./draft.ts";
import { ActorMethodTimeoutError, messageOf, toWireError, type WireError } from "./errors.ts";
import type { ActorClass } from "./method.ts";
import { classOf, type TurnDeps, thrownStack } from "./run-turn.ts";
import { type AlarmInfo, StatefulActor } from "./stateful-actor.ts";
import { runUserCode, type UserCode } from "./user-code.ts";

/** How long an alarm's handler may run if nothing else is said, in ms. */
export const ALARM_BUDGET_MS = 5 * 60_000;

export interface AlarmDeps extends TurnDeps {
  readonly alarmBudgetMs: number;
  /** How long before its time a wake may be answered by waiting, in ms, if not as usual: 0 where clocks never differ. */
  readonly earlyMs?: number;
}

/** The time to keep free for an attempt at an alarm, in ms. */
export function alarmNeedsMs(alarm: Alarm, { alarmBudgetMs, methodBudgetMs }: AlarmDeps): number {
  return alarmBudgetMs + (isLastAttempt(alarm) ? methodBudgetMs : 0);
}

/** What an attempt at an alarm leaves behind. */
export interface FinishedAlarm {
  /** Always something to commit: either way this alarm is over, or its next attempt stands. */
  readonly changes: Changes;
  /** What its handler threw. */
  readonly error: WireError | undefined;
}

/** Makes one attempt at an alarm that is due. Never throws for what user code does. */
export async function runAlarm(
  activation: Activation,
  alarm: Alarm,
  deps: AlarmDeps,
): Promise<FinishedAlarm> {
  const { type } = activation.id;
  const Actor = classOf(type, deps.actors);
  // Most likely a slip of the pen, and nobody waits for an answer that could tell of it.
  if (Actor.prototype.alarm === StatefulActor.prototype.alarm) {
    deps.telemetry.problem("alarm without a handler", {
      ...aboutInstance(activation),
      reason: `the class ${type} has no method alarm`,
    });
  }
  const info: AlarmInfo = { retryCount: alarm.retries, isRetry: alarm.retries > 0 };
  const ending = await handle(
    activation,
    { Actor, handler: "alarm", deps },
    {
      budgetMs: deps.alarmBudgetMs,
      call: (object, turn) => {
        turn.firing = true;
        return object.alarm(info);
      },
    },
  );
  if (ending.ok) return { changes: ending.changes, error: undefined };
  const { thrown } = ending;
  const error = toWireError(thrown, { exposeStacks: false });
  const detail = {
    ...aboutInstance(activation),
    type,
    attempt: alarm.retries + 1,
    reason: messageOf(thrown),
    stackTrace: thrownStack(thrown),
  };
  deps.telemetry.count("AlarmsFailed", { type });
  const next = nextAttempt(alarm, deps.clock.now());
  activation.state.fold({ ...NO_CHANGES, alarm: next ?? null });
  if (next) {
    deps.telemetry.problem("alarm failed", detail);
    return { changes: { ...NO_CHANGES, alarm: next }, error };
  }
  tellDropped(detail, deps);
  return { changes: await afterDrop(activation, { Actor, thrown, info, deps }), error };
}

/**
 * What to commit for an alarm whose handler has ended its worker each time. The actor has no last word here: its code has
 * shown what it does to workers.
 */
export function dropCrashedAlarm(
  activation: Activation,
  starts: number,
  { telemetry }: Pick<AlarmDeps, "telemetry">,
): Changes {
  const changes = { ...NO_CHANGES, alarm: null };
  activation.state.fold(changes);
  const reason = `its handler was begun ${starts} times, and each time its worker ended before it`;
  tellDropped({ ...aboutInstance(activation), type: activation.id.type, reason }, { telemetry });
  return changes;
}

function tellDropped(
  detail: ProblemDetail & { readonly type: string },
  { telemetry }: Pick<AlarmDeps, "telemetry">,
): void {
  telemetry.problem("alarm dropped", detail);
  telemetry.count("AlarmsDropped", { type: detail.type });
}

/** The actor's own last word, as a turn of its own that commits together with the end of the alarm. */
async function afterDrop(
  activation: Activation,
  { Actor, thrown, info, deps }: { Actor: ActorClass; thrown: unknown; info: AlarmInfo; deps: AlarmDeps },
): Promise<Changes> {
  const ending = await handle(
    activation,
    { Actor, handler: "onAlarmDropped", deps },
    {
      budgetMs: deps.methodBudgetMs,
      call: (object) => object.onAlarmDropped(thrown, info),
    },
  );
  if (ending.ok) return ending.changes;
  deps.telemetry.problem("onAlarmDropped failed", {
    ...aboutInstance(activation),
    reason: messageOf(ending.thrown),
    stackTrace: thrownStack(ending.thrown),
  });
  return { ...NO_CHANGES, alarm: null };
}

/** After a handler that succeeded the alarm is gone, unless it has set another one. */
function handle(
  activation: Activation,
  { Actor, handler, deps }: { Actor: ActorClass; handler: "alarm" | "onAlarmDropped"; deps: AlarmDeps },
  code: Pick<UserCode<void>, "budgetMs" | "call">,
) {
  const whole: UserCode<void> = {
    ...code,
    Actor,
    chain: [],
    allOrNothing: true,
    finish: (_, { draft }) => {
      draft.alarm ??= null;
    },
    overBudget: () =>
      new ActorMethodTimeoutError(
        `${activation.id.type}.${handler} ran longer than its budget of ${code.budgetMs} ms; nothing was committed`,
      ),
  };
  return runUserCode(activation, whole, deps);
}
