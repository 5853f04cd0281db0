import { type Change, fly, land, mishap, mishapsLeft } from "./change.ts";
import { commitOf, emptyingOf, groups } from "./commit.ts";
import {
  filterOutcomes,
  type Head,
  IDLE,
  idsOf,
  isKept,
  openOf,
  type Setting,
  type State,
  specOf,
  type Worker,
  withMember,
  withOutcomes,
} from "./state.ts";

/** Everything that `worker` may do next. Steps that touch nothing shared are part of the step before them. */
export function* workerSteps(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  if (worker.at === "hydrate") {
    yield ["hydrates", state, hydrated(state.head, worker, setting)];
    yield* stops(state, worker, setting);
  }
  if (worker.at === "look") yield ["looks up replies", state, looked(state, worker, setting)];
  if (worker.at === "verify") yield ["verifies the head", state, verified(state, worker)];
  if (worker.at !== "work") return;
  yield* runs(state, worker, setting);
  yield* files(state, worker, setting);
  yield* sends(state, worker, setting);
  yield* stops(state, worker, setting);
}

/** Reads the head: what it holds of the batch is certain, what its mark has passed is past. */
function hydrated(head: Head, before: Worker, { scenario, rules }: Setting): Worker {
  const worker = { ...before, finished: finishedOf(before, { scenario, rules }) };
  const open = openOf(worker);
  const ids = open.flatMap((message) => idsOf(scenario, message));
  const ofBatch = filterOutcomes(head.settled, (id) => ids.includes(id));
  const ownBefore = filterOutcomes(worker.certain, (id) => ids.includes(id));
  const certain = withOutcomes(rules.certainReads ? ownBefore : {}, ofBatch);
  const known = (message: number) => idsOf(scenario, message).some((id) => certain[id]);
  const passed = (message: number) => rules.mark && message <= head.mark && !known(message);
  const past = open.filter((message) => worker.past.includes(message) || passed(message));
  const todo = open.filter((message) => !known(message) && !past.includes(message));
  const heldOver = rules.keepUnfiled ? filterOutcomes(head.settled, (id) => isKept(scenario, id)) : {};
  const unfiled = filterOutcomes(withOutcomes(certain, heldOver), (id) => !worker.filed.includes(id));
  const next: Worker = { ...worker, at: "work", head, certain, past, todo, unfiled, sent: [] };
  return toLookUp(next, { scenario, rules }).length > 0 && mayLook(next, rules)
    ? { ...next, at: "look" }
    : next;
}

function mayLook({ looked }: Worker, { look }: Setting["rules"]): boolean {
  return look === "after every hydrate" || (look === "after the first hydrate" && !looked);
}

/** Messages whose outcome the head does not know and the reply table may. */
function toLookUp({ todo, suspects }: Worker, { scenario, rules }: Setting): number[] {
  return todo.filter((message) =>
    specOf(scenario, message).attempt ? rules.look !== "never" : rules.suspects && suspects.includes(message),
  );
}

function looked({ filed }: State, worker: Worker, setting: Setting): Worker {
  const { scenario, rules } = setting;
  const early = rules.look === "before the hydrate";
  const wanted = toLookUp(early ? { ...worker, todo: worker.batch } : worker, setting);
  const found = wanted.filter((message) => idsOf(scenario, message).some((id) => filed[id]));
  if (found.length > 0 && rules.hydrateAfterFind && !early) {
    return { ...worker, at: "verify", found, looked: true };
  }
  return { ...withPast(worker, found), at: early ? "hydrate" : "work", looked: true };
}

/** Reads the head again: what a found reply's commit has left there must not be missed. */
function verified({ head }: State, worker: Worker): Worker {
  const { found, ...rest } = worker;
  const next: Worker = { ...rest, found: [] };
  if (head.version !== worker.head.version) return { ...next, at: "hydrate" };
  return { ...withPast(next, found), at: "work" };
}

function withPast(worker: Worker, found: readonly number[]): Worker {
  const past = [...found].reduce<number[]>((all, message) => withMember(all, message), [...worker.past]);
  return { ...worker, past, todo: worker.todo.filter((message) => !found.includes(message)) };
}

/** Runs the next turns and commits them, or what they would do in the wrong order. */
function* runs(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const { rules } = setting;
  for (const group of groups(worker, setting)) {
    const { turns, outcomes, todo } = group;
    const what = turns.map(([message, ending]) => `${message} ${ending}`).join(", ") || "nothing";
    if (!rules.replyAfterCommit) {
      yield [
        `answers before the commit: ${what}`,
        { ...state, filed: withOutcomes(outcomes, state.filed) },
        worker,
      ];
    }
    if (!rules.sendAfterCommit) {
      const sent = turns.flatMap(([message, ending]) => (ending === "sent" ? [message] : []));
      if (sent.length > 0) yield [`sends before the commit: ${sent}`, arrive(state, sent, setting), worker];
    }
    const certain = withOutcomes(worker.certain, outcomes);
    const unfiled = withOutcomes(worker.unfiled, outcomes);
    const done: Worker = { ...worker, certain, unfiled, todo };
    const commit = commitOf(worker, group, setting);
    if (!commit) yield [`runs ${what}`, state, done];
    else {
      const { head } = commit;
      const sent = worker.sent.filter((message) => head.outbox.includes(message));
      yield* writes(`commits ${what}`, commit, { state, worker, done: { ...done, head, sent }, setting });
    }
  }
}

/** A conditional write: it lands, is fenced, or times out. */
function* writes(
  what: string,
  commit: NonNullable<ReturnType<typeof commitOf>>,
  { state, worker, done, setting }: { state: State; worker: Worker; done: Worker; setting: Setting },
): Iterable<Change> {
  const again: Worker = { ...worker, at: "hydrate" };
  const landed = land(state, commit, setting);
  if (!landed) {
    yield [`is fenced: ${what}`, state, again];
    return;
  }
  yield [what, landed, done];
  if (!mishapsLeft(state, "unknownCommits", setting)) return;
  if (setting.scenario.lateCommits) {
    yield [`loses sight of a commit: ${what}`, fly(state, commit), again];
  } else {
    yield [`loses sight of a commit that lands: ${what}`, mishap(landed, "unknownCommits"), again];
    yield [`loses sight of a commit that is lost: ${what}`, mishap(state, "unknownCommits"), again];
  }
}

/** Files a reply; the first one stands. */
function* files(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  for (const [id, outcome] of Object.entries(worker.unfiled)) {
    const unfiled = filterOutcomes(worker.unfiled, (other) => other !== id);
    const filed = withOutcomes({ [id]: outcome }, state.filed);
    yield [`files ${id}`, { ...state, filed }, { ...worker, unfiled, filed: withMember(worker.filed, id) }];
    if (mishapsLeft(state, "lostReplies", setting)) {
      yield [`can't file ${id}`, mishap(state, "lostReplies"), { ...worker, unfiled }];
      const arrived = mishap({ ...state, filed }, "lostReplies");
      yield [`loses sight: files ${id}, which arrives`, arrived, { ...worker, unfiled }];
    }
  }
}

/** Sends what lies in the outbox, then empties it. */
function* sends(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const { outbox } = worker.head;
  const next = outbox.find((message) => !worker.sent.includes(message));
  if (next !== undefined) {
    const arrived = arrive(state, [next], setting);
    yield [`sends ${next}`, arrived, { ...worker, sent: withMember(worker.sent, next) }];
    if (mishapsLeft(state, "unknownSends", setting)) {
      yield [`loses sight: sends ${next}, which arrives`, mishap(arrived, "unknownSends"), worker];
      yield [`loses sight: sends ${next}, which is lost`, mishap(state, "unknownSends"), worker];
    }
  }
  if (outbox.length > 0 && (next === undefined || !setting.rules.emptyAfterSend)) {
    const commit = emptyingOf(worker, setting);
    yield* writes("empties the outbox", commit, {
      state,
      worker,
      done: { ...worker, head: commit.head, sent: [] },
      setting,
    });
  }
}

/** The receiver gets a message: it runs it unless it has run it before. */
function arrive(state: State, messages: readonly number[], { rules }: Setting): State {
  const fresh = messages.filter((message) => !rules.receiverKeeps || !state.arrived.includes(message));
  return { ...state, arrived: [...state.arrived, ...fresh].sort() };
}

/** Ends the batch, with or without having done all of it: deletes what is finished; the rest comes again. */
function* stops(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const { scenario, rules } = setting;
  const pending = worker.batch.some((message) => idsOf(scenario, message).some((id) => worker.unfiled[id]));
  if (pending && rules.deleteAfterReply) return;
  const finished = worker.lease ? finishedOf(worker, setting) : [];
  const release = (from: State, kept: number | undefined): State => ({
    ...from,
    messages: from.messages.map((message, index) => {
      if (!worker.lease || !worker.batch.includes(index) || index === kept) return message;
      return { ...message, place: finished.includes(index) ? "deleted" : "queued" };
    }),
  });
  yield [`deletes ${finished}`, release(state, undefined), IDLE];
  const [first] = finished;
  if (first !== undefined && mishapsLeft(state, "lostDeletes", setting)) {
    yield [`deletes ${finished} but fails on ${first}`, release(mishap(state, "lostDeletes"), first), IDLE];
  }
}

/** What needs nothing more: it is answered, and this worker owes no one-way message. */
function finishedOf(worker: Worker, { scenario, rules }: Setting): number[] {
  const owing = worker.head.outbox.length > 0 && rules.deleteAfterOutbox;
  const answered = (message: number) =>
    !rules.deleteAfterReply ||
    worker.past.includes(message) ||
    idsOf(scenario, message).some((id) => worker.filed.includes(id));
  return worker.batch.filter((message) => worker.finished.includes(message) || (!owing && answered(message)));
}
