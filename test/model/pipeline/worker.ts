import { mishap, mishapsLeft, type WorkerChange } from "../frame.ts";
import { commitOf, land, letFly, outcomesOf } from "./commit.ts";
import { type Flight, IDLE, type Outcomes, type Setting, type State, type Worker } from "./state.ts";

type Change = WorkerChange<State, Worker>;

/** Everything that `worker` may do next. */
export function* workerSteps(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  if (worker.at === "hydrate") {
    yield ["hydrates", state, hydrated(state, worker, setting)];
    return;
  }
  yield* runs(state, worker, setting);
  yield* makesCommit(state, worker, setting);
  yield* inFlight(state, worker, setting);
  yield* files(state, worker, setting);
  yield* stops(state, worker, setting);
}

/** Reads the head, then looks up in the reply table what was received before (here at once: the model of the calls has what comes in between). */
function hydrated({ head, filed }: State, worker: Worker, { rules }: Setting): Worker {
  const settled = worker.batch.filter((message) => head.settled[message]);
  const certain: Outcomes = {
    ...worker.certain,
    ...Object.fromEntries(settled.map((each) => [each, head.settled[each]])),
  };
  const past = worker.batch.filter(
    (message) =>
      !certain[message] && (message <= head.mark || (worker.suspects.includes(message) && filed[message])),
  );
  const answered = [...new Set([...worker.answered, ...past])];
  const open = worker.batch.filter((message) => !answered.includes(message));
  const finished = rules.dropAfterLoss ? [] : worker.finished;
  return {
    ...worker,
    at: "work",
    head,
    log: rules.dropAfterLoss ? head.log : worker.log,
    certain,
    answered,
    unfiled: open.filter((message) => certain[message]),
    todo: open.filter((message) => !certain[message] && !finished.includes(message)),
    finished,
    flights: [],
  };
}

/** Runs the next turn, also while a commit is in flight. */
function* runs(state: State, worker: Worker, { scenario, rules }: Setting): Iterable<Change> {
  const [message, ...todo] = worker.todo;
  if (message === undefined) return;
  const kind = scenario.messages[message];
  const seen = rules.seeFlight ? worker.log : worker.head.log;
  const calls = kind === "calls";
  const durable = worker.finished.length === 0 && worker.flights.length === 0;
  if (calls && rules.callsWait && !durable) return;
  const log = calls || kind === "writes" ? [...worker.log, message] : worker.log;
  const outcome = log === worker.log ? seen : [...seen, message];
  const outcomes = { ...worker.outcomes, [message]: outcome };
  const told = calls ? { ...state, told: { ...state.told, [message]: seen } } : state;
  const ran: Worker = { ...worker, todo, log, outcomes };
  if (kind === "reads" && !rules.readsWait) {
    yield [`runs ${message} and answers it`, told, settledWith(ran, [message])];
  }
  yield [`runs ${message}`, told, { ...ran, finished: [...worker.finished, message] }];
}

/** Makes the next commit of what has run meanwhile, as far as it fits into one. */
function* makesCommit(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const { rules } = setting;
  if (worker.flights.length > (rules.oneInFlight ? 0 : 1)) return;
  for (let count = 1; count <= worker.finished.length; count++) {
    const group = worker.finished.slice(0, count);
    const rest: Worker = { ...worker, finished: worker.finished.slice(count) };
    const commit = commitOf(worker, count, setting);
    if (commit === undefined) {
      // What only read needs no commit, and waits for the one before all the same.
      if (worker.flights.length === 0) yield [`settles ${group}`, state, settledWith(rest, group)];
      continue;
    }
    const flying: Worker = { ...rest, flights: [...worker.flights, { commit, answer: "none" }] };
    const early = rules.replyAfterLanding
      ? flying
      : { ...flying, unfiled: sorted([...flying.unfiled, ...group]) };
    yield [`commits ${group}`, state, early];
  }
}

/** The commits in flight: each lands or is fenced, then the worker hears of it, or never does. */
function* inFlight(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  for (const [index, flight] of worker.flights.entries()) {
    if (flight.answer !== "none") continue;
    const landed = land(state, flight.commit, setting);
    const answer = landed ? "landed" : "fenced";
    yield [`lands: it is ${answer}`, landed ?? state, withFlight(worker, index, { ...flight, answer })];
  }
  const [flight, ...others] = worker.flights;
  if (flight === undefined) return;
  const { commit, answer } = flight;
  const messages = Object.keys(commit.outcomes).map(Number);
  if (answer === "landed") {
    const heard: Worker = { ...worker, head: commit.head, flights: others };
    yield [`hears of ${messages}`, state, settledWith(heard, messages)];
  }
  // What flies behind it is not waited for; in the protocol nothing does.
  const over: Worker = { ...worker, at: "hydrate", flights: [] };
  if (answer === "fenced")
    yield [`is fenced with ${messages}`, letFly(state, { ...worker, flights: others }, setting), over];
  else if (mishapsLeft(state, "unknownCommits", setting)) {
    const unknown = letFly(mishap(state, "unknownCommits"), worker, setting);
    if (setting.rules.lookAfterUnknown) yield [`loses sight of ${messages}`, unknown, over];
    else {
      const believed: Worker = { ...worker, head: commit.head, flights: [] };
      yield [`loses sight of ${messages} and goes on`, unknown, settledWith(believed, messages)];
    }
  }
}

/** Files the replies one by one, which has fewer states than side by side; the first one stands. */
function* files(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const [message, ...unfiled] = worker.unfiled;
  if (message === undefined) return;
  const outcome = worker.certain[message] ?? outcomesOf(worker, [message])[message] ?? [];
  const filed = { ...state.filed, [message]: state.filed[message] ?? outcome };
  const answered = sorted([...worker.answered, message]);
  yield [`files ${message}`, { ...state, filed }, { ...worker, unfiled, answered }];
  if (mishapsLeft(state, "lostReplies", setting)) {
    yield [`can't file ${message}`, mishap(state, "lostReplies"), { ...worker, unfiled }];
  }
}

/** Ends the batch, done or not: deletes what is answered; the rest comes again. */
function* stops(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const flies = worker.flights.length > 0 || worker.finished.length > 0;
  if (worker.unfiled.length > 0 || (flies && setting.rules.stopAfterLanding)) return;
  const { answered } = worker;
  const finished = setting.rules.stopAfterLanding ? answered : sorted([...answered, ...worker.finished]);
  const messages = state.messages.map((message, index) => {
    if (!worker.lease || !worker.batch.includes(index)) return message;
    return { ...message, place: finished.includes(index) ? ("deleted" as const) : ("queued" as const) };
  });
  yield [`deletes ${finished}`, letFly({ ...state, messages }, worker, setting), IDLE];
}

/** The worker with outcomes that are certain now: their replies may leave. */
function settledWith(worker: Worker, messages: readonly number[]): Worker {
  const unanswered = messages.filter((message) => !worker.answered.includes(message));
  return {
    ...worker,
    certain: { ...worker.certain, ...outcomesOf(worker, messages) },
    unfiled: sorted([...worker.unfiled, ...unanswered]),
  };
}

function withFlight(worker: Worker, index: number, flight: Flight): Worker {
  return { ...worker, flights: worker.flights.with(index, flight) };
}

function sorted(messages: readonly number[]): number[] {
  return [...new Set(messages)].sort((a, b) => a - b);
}
