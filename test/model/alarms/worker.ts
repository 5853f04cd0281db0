import { mishap, mishapsLeft } from "../frame.ts";
import { type Change, land } from "./change.ts";
import { arm, nameOf } from "./clock.ts";
import { judgeWake, plans } from "./commit.ts";
import { IDLE, type Plan, type Setting, type State, todoOf, type Worker, withFinished } from "./state.ts";

/** Everything that `worker` may do next. */
export function* workerSteps(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const { plan } = worker;
  if (worker.at === "hydrate") {
    yield ["hydrates", state, hydrated(state, worker, setting)];
    yield* stops(state, worker, setting);
  }
  if (worker.at === "work") {
    yield* passes(state, worker, setting);
    yield* runs(state, worker, setting);
    yield* stops(state, worker, setting);
  }
  if (worker.at === "arm" && plan?.arm) yield* arms(state, { worker, plan }, setting);
  if (worker.at === "commit" && plan) yield* commits(state, { worker, plan }, setting);
}

/** Reads the head: what its mark has passed is finished. */
function hydrated({ head }: State, worker: Worker, { rules }: Setting): Worker {
  const places = worker.batch.map(({ place }) => place);
  const passed = places.filter((place) => rules.mark && place <= head.mark);
  return { ...withFinished(worker, passed), at: "work", head };
}

/** Finishes what needs no commit: a call that only reads, a stale wake. */
function* passes(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const [message] = todoOf(worker);
  if (!message) return;
  const { asks, place } = message;
  const done = withFinished(worker, [place]);
  if (typeof asks === "number") {
    if (setting.scenario.calls[asks]?.includes("reads")) yield [`reads in call ${asks}`, state, done];
  } else if (judgeWake(asks, { head: worker.head, time: state.time }, setting) === "stale") {
    yield [`drops ${nameOf(asks)}`, state, done];
  }
}

/** Runs the next turns; their commit is part of the step unless a wake is to be armed first. */
function* runs(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const { rules } = setting;
  for (const plan of plans(state.time, worker, setting)) {
    if (!rules.deleteAfterCommit && worker.lease) {
      const wakes = worker.batch.filter(({ asks }) => typeof asks !== "number").map(({ place }) => place);
      const early = wakes.filter((place) => plan.finishes.includes(place));
      const mailbox = state.mailbox.filter(({ message: { place } }) => !early.includes(place));
      if (mailbox.length < state.mailbox.length) {
        yield [`deletes ${early} before the commit: ${plan.what}`, { ...state, mailbox }, worker];
      }
    }
    const ran = { ...state, wrong: state.wrong ?? firedEarly(state.time, worker, plan) };
    if (plan.arm && rules.armBeforeCommit) yield [`runs ${plan.what}`, ran, { ...worker, at: "arm", plan }];
    else yield* commits(ran, { worker, plan }, setting);
  }
}

function firedEarly(time: number, { head }: Worker, { commit: { story } }: Plan): string | undefined {
  const { alarm } = head;
  if (!alarm || alarm.at <= time) return undefined;
  const runs = story.some(
    ([setting, event]) => setting === alarm.setting && ["fired", "tried", "dropped"].includes(event),
  );
  return runs ? `alarm ${alarm.setting} fires before its time` : undefined;
}

/** Arms the wake that a commit counts on. */
function* arms(
  state: State,
  { worker, plan }: { worker: Worker; plan: Plan },
  setting: Setting,
): Iterable<Change> {
  if (!plan.arm) return;
  const { rules } = setting;
  const armed = arm(state, plan.arm, setting);
  const next: Worker = rules.armBeforeCommit
    ? { ...worker, at: "commit" }
    : { ...worker, at: "work", plan: undefined };
  yield [`arms ${nameOf(plan.arm)}`, armed, next];
  if (!mishapsLeft(state, "unknownArms", setting)) return;
  for (const [how, after] of [
    ["is on its way", armed],
    ["is not", state],
  ] as const) {
    const what = `loses sight of a wake that ${how}: ${nameOf(plan.arm)}`;
    const known = mishap(after, "unknownArms");
    if (rules.giveUpUnknownArms) yield [what, released(known, worker), IDLE];
    else yield [what, known, next];
  }
}

/** A conditional write: it lands, is fenced, or times out. */
function* commits(
  state: State,
  { worker, plan }: { worker: Worker; plan: Plan },
  setting: Setting,
): Iterable<Change> {
  const { commit, what } = plan;
  const again: Worker = { ...worker, at: "hydrate", plan: undefined };
  const landed = land(state, commit, setting);
  if (!landed) {
    yield [`is fenced: ${what}`, state, again];
    return;
  }
  const done: Worker = {
    ...withFinished(worker, plan.finishes),
    at: "work",
    head: commit.head,
    plan: undefined,
  };
  const armsNow = plan.arm && !setting.rules.armBeforeCommit;
  yield [`commits ${what}`, landed, armsNow ? { ...done, at: "arm", plan } : done];
  if (mishapsLeft(state, "unknownCommits", setting)) {
    yield [`misses the end of a commit: ${what}`, { ...mishap(state, "unknownCommits"), air: commit }, again];
  }
}

/** Ends the batch, with or without having done all of it: deletes what is finished; the rest comes again. */
function* stops(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const { finished } = worker;
  yield [`deletes ${finished}`, released(state, worker), IDLE];
  const [first] = finished;
  if (first !== undefined && worker.lease && mishapsLeft(state, "lostDeletes", setting)) {
    const all = released(mishap(state, "lostDeletes"), worker, first);
    yield [`deletes ${finished} but fails on ${first}`, all, IDLE];
  }
}

/** The state without what `worker` has finished, but for what it fails to delete, which stays reserved until the lease is over. */
function released(state: State, { lease, batch, finished }: Worker, failed?: number): State {
  if (!lease) return state;
  const places = batch.map(({ place }) => place);
  return {
    ...state,
    mailbox: state.mailbox
      .filter(({ message: { place } }) => !finished.includes(place) || place === failed)
      .map((entry) =>
        places.includes(entry.message.place) && entry.message.place !== failed
          ? { ...entry, held: false }
          : entry,
      ),
  };
}
