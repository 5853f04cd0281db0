import { mishap, mishapsLeft, stepsOfWorkers } from "../frame.ts";
import { type Change, land } from "./change.ts";
import { clockSteps, enqueue } from "./clock.ts";
import { IDLE, type Setting, type State, type Worker } from "./state.ts";
import { workerSteps } from "./worker.ts";

/** Everything that may happen: at a worker, at the caller, at the clock, at the queue, or to a commit that timed out. */
export function* steps(state: State, setting: Setting): Iterable<readonly [what: string, next: State]> {
  yield* stepsOfWorkers<Worker, State>(state, (worker) => changes(state, worker, setting));
  if (state.called < setting.scenario.calls.length) {
    const called = { ...state, called: state.called + 1 };
    yield [`the caller: sends call ${state.called}`, enqueue(called, state.called)];
  }
  yield* clockSteps(state, setting);
  if (state.air) {
    const landed = land(state, state.air, setting);
    if (landed) yield ["the air: a lost commit lands", { ...landed, air: undefined }];
  }
  yield* expiry(state, setting);
}

function* changes(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  if (worker.at === "idle") {
    yield* receives(state, setting);
    return;
  }
  yield* workerSteps(state, worker, setting);
  if (mishapsLeft(state, "crashes", setting)) yield ["crashes", mishap(state, "crashes"), IDLE];
}

/** A worker gets the first messages of the mailbox, unless another one holds some. */
function* receives(state: State, { scenario }: Setting): Iterable<Change> {
  if (state.mailbox.some(({ held }) => held)) return;
  for (let count = 1; count <= Math.min(scenario.batch, state.mailbox.length); count++) {
    const mailbox = state.mailbox.map((entry, index) => (index < count ? { ...entry, held: true } : entry));
    const batch = state.mailbox.slice(0, count).map(({ message }) => message);
    const places = batch.map(({ place }) => place);
    yield [`receives ${places}`, { ...state, mailbox }, { ...IDLE, at: "hydrate", batch, lease: true }];
  }
}

/** What is held comes back: after its worker's death always, under a worker that goes on a few times. */
function* expiry(state: State, setting: Setting): Iterable<readonly [what: string, next: State]> {
  if (!state.mailbox.some(({ held }) => held)) return;
  const orphaned = !state.workers.some(({ lease }) => lease);
  if (!orphaned && !mishapsLeft(state, "expiries", setting)) return;
  const next = orphaned ? state : mishap(state, "expiries");
  yield [
    "the lease: runs out",
    {
      ...next,
      mailbox: next.mailbox.map((entry) => ({ ...entry, held: false })),
      workers: next.workers.map((worker) => ({ ...worker, lease: false })),
    },
  ];
}
