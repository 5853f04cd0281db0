import { mishap, mishapsLeft } from "../frame.ts";
import { type Change, fly, land } from "./change.ts";
import {
  commitOf,
  emptyingOf,
  type Group,
  groups,
  hasBegun,
  isOnTrial,
  startOf,
  startsOf,
  takingBackOf,
} from "./commit.ts";
import {
  filterOutcomes,
  type Head,
  hold,
  IDLE,
  idsOf,
  isGivenUp,
  isKept,
  openOf,
  packOf,
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
  if (worker.at === "orphans") yield* filesOrphans(state, worker, setting);
  if (worker.at === "look") yield ["looks up replies", state, looked(state, worker, setting)];
  if (worker.at === "verify") yield ["verifies the head", state, verified(state, worker)];
  if (worker.at === "leave") yield* stops(state, worker, setting);
  if (worker.at === "take back") yield* takesBack(state, worker, setting);
  if (worker.at !== "work") return;
  yield* begins(state, worker, setting);
  yield* givesUp(state, worker, setting);
  yield* runs(state, worker, setting);
  yield* buries(state, worker, setting);
  yield* files(state, worker, setting);
  yield* sends(state, worker, setting);
  yield* stops(state, worker, setting);
}

/** Reads the head: what it holds of the batch is certain, what its mark has passed is past. */
function hydrated(head: Head, before: Worker, setting: Setting): Worker {
  const { scenario, rules } = setting;
  const worker = { ...before, finished: finishedOf(before, { scenario, rules }) };
  const open = openOf(worker);
  const ids = open.flatMap((message) => idsOf(scenario, message));
  const ofBatch = filterOutcomes(head.settled, (id) => ids.includes(id));
  const ownBefore = filterOutcomes(worker.certain, (id) => ids.includes(id));
  const certain = withOutcomes(rules.certainReads ? ownBefore : {}, ofBatch);
  const known = (message: number) => idsOf(scenario, message).some((id) => certain[id]);
  const passed = (message: number) =>
    rules.mark && head.mailbox === worker.mailbox && isPassed(message, head, setting) && !known(message);
  const past = open.filter((message) => worker.past.includes(message) || passed(message));
  const todo = open.filter((message) => !known(message) && !past.includes(message));
  const heldOver = rules.keepUnfiled ? filterOutcomes(head.settled, (id) => isKept(scenario, id)) : {};
  const moved = open.length > 0 && head.mailbox !== worker.mailbox && rules.fileOrphans !== "never";
  const orphans = moved
    ? filterOutcomes(head.settled, (id) => !isKept(scenario, id) && !ids.includes(id))
    : {};
  const first = rules.fileOrphans === "before the first commit";
  const own = withOutcomes(certain, first ? heldOver : withOutcomes(heldOver, orphans));
  const unfiled = filterOutcomes(own, (id) => !worker.filed.includes(id));
  const next: Worker = { ...worker, head, certain, past, todo, unfiled, sent: [] };
  return first && Object.keys(orphans).length > 0
    ? { ...next, at: "orphans", orphans }
    : lookingUp(next, { scenario, rules });
}

/** Whether the mark has passed the place of an envelope. */
function isPassed(envelope: number, { mark }: Head, setting: Setting): boolean {
  if (setting.rules.place === "message and index" || mark < 0) return envelope <= mark;
  return envelope <= (packOf(mark, setting).at(-1) ?? mark);
}

/** Goes on with what has to be looked up, if there is something. */
function lookingUp(worker: Worker, { scenario, rules }: Setting): Worker {
  const looks = toLookUp(worker, { scenario, rules }).length > 0 && mayLook(worker, rules);
  return { ...worker, at: looks ? "look" : "work" };
}

/** Files the outcomes of calls whose mailbox is gone; a worker that can't leaves the batch as it is. */
function* filesOrphans(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const [[id, outcome] = []] = Object.entries(worker.orphans);
  if (id === undefined || outcome === undefined) return;
  const orphans = filterOutcomes(worker.orphans, (other) => other !== id);
  const filed = { ...state, filed: withOutcomes({ [id]: outcome }, state.filed) };
  const done: Worker = { ...worker, orphans };
  const more = Object.keys(orphans).length > 0;
  yield [`files the orphan ${id}`, filed, more ? done : lookingUp(done, setting)];
  if (mishapsLeft(state, "lostReplies", setting)) {
    yield [
      `can't file the orphan ${id}`,
      mishap(state, "lostReplies"),
      { ...done, orphans: {}, unfiled: {}, at: "leave" },
    ];
  }
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

function looked({ filed, forgotten }: State, worker: Worker, setting: Setting): Worker {
  const { scenario, rules } = setting;
  const early = rules.look === "before the hydrate";
  const wanted = toLookUp(early ? { ...worker, todo: worker.batch } : worker, setting);
  const found = wanted.filter((message) =>
    idsOf(scenario, message).some((id) => filed[id] && !forgotten.includes(id)),
  );
  if (found.length > 0 && rules.hydrateAfterFind && !early) {
    return { ...worker, at: "verify", found, looked: true };
  }
  return { ...withPast(worker, found), at: early ? "hydrate" : "work", looked: true };
}

/** Reads the head again: what a found reply's commit has left there must not be missed. */
function verified({ head }: State, worker: Worker): Worker {
  const { found } = worker;
  const next: Worker = { ...worker, found: [] };
  if (head.version !== worker.head.version) return { ...next, at: "hydrate" };
  return { ...withPast(next, found), at: "work" };
}

function withPast(worker: Worker, found: readonly number[]): Worker {
  const past = [...found].reduce<number[]>((all, message) => withMember(all, message), [...worker.past]);
  return { ...worker, past, todo: worker.todo.filter((message) => !found.includes(message)) };
}

/** Writes down that the next run begins, which may be the end of this worker. */
function* begins(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const [next] = worker.todo;
  if (next === undefined || !isOnTrial(worker, next, setting)) return;
  const { call } = specOf(setting.scenario, next);
  // By its clock a worker sees the end of its lease before it begins, or gives up, what others work on.
  if (!worker.lease || hasBegun(worker, call, setting)) return;
  if (startsOf(worker, call) >= setting.scenario.trial.starts || worker.certain[call]) return;
  const commit = startOf(worker, call);
  const begun = { call, before: worker.head, after: commit.head };
  // Whether it lands or not, this worker knows that it has written it.
  const at = {
    state,
    worker: { ...worker, begun },
    done: { ...worker, head: commit.head, begun },
    setting,
  };
  yield* writes(`begins ${next}`, commit, at);
}

/** Ends with what has ended its workers too often, without running it. */
function* givesUp(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const [next, ...todo] = worker.todo;
  if (next === undefined || !isOnTrial(worker, next, setting)) return;
  const { call } = specOf(setting.scenario, next);
  if (!worker.lease || worker.certain[call] || hasBegun(worker, call, setting)) return;
  if (startsOf(worker, call) < setting.scenario.trial.starts) return;
  const outcomes = { [call]: `crashed ${next}` } as const;
  const group: Group = { turns: [[next, outcomes[call] ?? "refused"]], outcomes, todo };
  const commit = commitOf(worker, group, setting);
  if (!commit) return;
  const certain = withOutcomes(worker.certain, outcomes);
  const unfiled = withOutcomes(worker.unfiled, outcomes);
  const done: Worker = { ...worker, certain, unfiled, todo, head: commit.head, begun: undefined };
  const from = setting.rules.buryAfterCommit ? state : bury(state, next, setting);
  yield* writes(`commits that it gives up ${next}`, commit, { state: from, worker, done, setting });
}

/** Makes a dead letter of what was given up, once its caller can know. */
function* buries(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  for (const message of toBury(worker, setting)) {
    const arrived = bury(state, message, setting);
    yield [`buries ${message}`, arrived, { ...worker, buried: withMember(worker.buried, message) }];
    if (mishapsLeft(state, "unknownSends", setting)) {
      yield [`loses sight: buries ${message}, which arrives`, mishap(arrived, "unknownSends"), worker];
      yield [`loses sight: buries ${message}, which is lost`, mishap(state, "unknownSends"), worker];
    }
  }
}

function toBury({ batch, certain, filed, buried }: Worker, { scenario }: Setting): number[] {
  return batch.filter((message) => {
    const { call } = specOf(scenario, message);
    return isGivenUp(certain, call, message) && filed.includes(call) && !buried.includes(message);
  });
}

/** The queue drops a second copy. */
function bury(state: State, envelope: number, setting: Setting): State {
  const letters = setting.rules.buryAlone ? [envelope] : packOf(envelope, setting);
  return { ...state, buried: letters.reduce<readonly number[]>(withMember<number>, state.buried) };
}

/** Runs the next turns and commits them, or what they would do in the wrong order. */
function* runs(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const { rules } = setting;
  for (const group of groups(worker, setting)) {
    const { turns, outcomes, todo, killer } = group;
    if (killer !== undefined) {
      const { call } = specOf(setting.scenario, killer);
      yield [`dies of ${killer}`, worker.begun?.call === call ? hold(state, call) : state, IDLE];
      continue;
    }
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
    const ended = turns.some(([message]) => specOf(setting.scenario, message).call === worker.begun?.call);
    const begun = ended ? undefined : worker.begun;
    const done: Worker = { ...worker, certain, unfiled, todo, begun };
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
  const again: Worker = { ...worker, at: "hydrate", failed: true };
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
  if (scenario.diligent && worker.lease && !worker.failed && !isDone(worker, setting)) return;
  if (worker.begun !== undefined) {
    yield* looksBack(state, worker);
    return;
  }
  const done = worker.lease ? finishedOf(worker, setting) : [];
  // The queue deletes messages, with all that lies in them.
  const finished = worker.batch.filter((envelope) => {
    const pack = packOf(envelope, setting);
    return (rules.deleteWholePacks ? pack : pack.slice(0, 1)).every((each) => done.includes(each));
  });
  const release = (from: State, kept: readonly number[]): State => ({
    ...from,
    messages: from.messages.map((message, index) => {
      if (!worker.lease || !worker.batch.includes(index) || kept.includes(index)) return message;
      return { ...message, place: finished.includes(index) ? "deleted" : "queued" };
    }),
  });
  yield [`deletes ${finished}`, release(state, []), IDLE];
  const [first] = finished;
  if (first !== undefined && mishapsLeft(state, "lostDeletes", setting)) {
    const kept = packOf(first, setting);
    yield [`deletes ${finished} but fails on ${kept}`, release(mishap(state, "lostDeletes"), kept), IDLE];
  }
}

/** Whether nothing is left that this worker could do for its batch. */
function isDone(worker: Worker, setting: Setting): boolean {
  const buried = !setting.rules.deleteAfterBury || toBury(worker, setting).length === 0;
  const owing = worker.head.outbox.length > 0 && setting.rules.deleteAfterOutbox;
  return worker.at === "work" && worker.todo.length === 0 && buried && !owing;
}

/** Looks whether its start is in the head, whose run could not end: this worker lives. */
function* looksBack(state: State, worker: Worker): Iterable<Change> {
  yield ["looks for its start", state, { ...worker, at: "take back", head: state.head }];
}

/** Takes its start back out of the head that it saw, or keeps it off; a rival, or the start itself, may come between. */
function* takesBack(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const { begun, head } = worker;
  if (begun === undefined) return;
  const gone: Worker = { ...worker, at: "leave", begun: undefined };
  const commit = takingBackOf(begun, head, setting);
  if (commit === undefined) {
    yield ["takes nothing back", state, gone];
    return;
  }
  const what = commit.expected === begun.after.version ? "takes its start back" : "keeps its start off";
  const landed = land(state, commit, setting);
  if (landed === undefined) {
    const again: Worker = setting.rules.takeBackAgain ? { ...worker, at: "leave" } : gone;
    yield [`is fenced: ${what}`, state, again];
    return;
  }
  yield [what, landed, gone];
  if (!mishapsLeft(state, "unknownCommits", setting)) return;
  // It may be dead, for all that others know.
  const given = hold(state, begun.call);
  const lost = setting.scenario.lateCommits ? fly(given, commit) : mishap(given, "unknownCommits");
  yield [`loses sight of a commit: ${what}`, lost, gone];
}

/** What needs nothing more: it is answered, and this worker owes no one-way message. */
function finishedOf(worker: Worker, { scenario, rules }: Setting): number[] {
  const owing = worker.head.outbox.length > 0 && rules.deleteAfterOutbox;
  const answered = (message: number) =>
    !rules.deleteAfterReply ||
    worker.past.includes(message) ||
    idsOf(scenario, message).some((id) => worker.filed.includes(id));
  const unburied = (message: number) =>
    rules.deleteAfterBury &&
    isGivenUp(worker.certain, specOf(scenario, message).call, message) &&
    !worker.buried.includes(message);
  return worker.batch.filter(
    (message) => worker.finished.includes(message) || (!owing && answered(message) && !unburied(message)),
  );
}
