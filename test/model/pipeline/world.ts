import { mishap, mishapsLeft, stepsOfWorkers, type WorkerChange } from "../frame.ts";
import { crash, land } from "./commit.ts";
import { IDLE, type Setting, type State, type Worker } from "./state.ts";
import { workerSteps } from "./worker.ts";

/** Everything that may happen: at a worker, at the queue, or to a commit that nobody waits for. */
export function* steps(state: State, setting: Setting): Iterable<readonly [what: string, next: State]> {
  yield* stepsOfWorkers<Worker, State>(state, (worker) => changes(state, worker, setting));
  for (const commit of state.air) {
    const others = { ...state, air: state.air.filter((other) => other !== commit) };
    const landed = land(others, commit, setting);
    if (landed) yield ["the air: a lost commit lands", landed];
  }
  yield* expiry(state, setting);
}

function* changes(state: State, worker: Worker, setting: Setting): Iterable<WorkerChange<State, Worker>> {
  if (worker.at === "idle") {
    yield* receives(state, setting);
    return;
  }
  yield* workerSteps(state, worker, setting);
  if (mishapsLeft(state, "crashes", setting)) yield ["crashes", crash(state, worker, setting), IDLE];
}

/** A worker gets the first messages of the mailbox, unless another one holds some. */
function* receives(state: State, { scenario }: Setting): Iterable<WorkerChange<State, Worker>> {
  if (state.messages.some(({ place }) => place === "held")) return;
  const queued = [...state.messages.keys()].filter((index) => state.messages[index]?.place === "queued");
  for (let count = 1; count <= Math.min(scenario.batch, queued.length); count++) {
    const batch = queued.slice(0, count);
    const suspects = batch.filter((index) => state.messages[index]?.received);
    const messages = state.messages.map((message, index) =>
      batch.includes(index) ? { place: "held" as const, received: true } : message,
    );
    yield [
      `receives ${batch}`,
      { ...state, messages },
      { ...IDLE, at: "hydrate", batch, suspects, lease: true },
    ];
  }
}

/** What is held comes back: after its worker's death always, under a worker that goes on a few times. */
function* expiry(state: State, setting: Setting): Iterable<readonly [what: string, next: State]> {
  if (!state.messages.some(({ place }) => place === "held")) return;
  const orphaned = !state.workers.some(({ lease }) => lease);
  if (!orphaned && !mishapsLeft(state, "expiries", setting)) return;
  const next = orphaned ? state : mishap(state, "expiries");
  yield [
    "the lease: runs out",
    {
      ...next,
      messages: next.messages.map((message) =>
        message.place === "held" ? { ...message, place: "queued" } : message,
      ),
      workers: next.workers.map((worker) => ({ ...worker, lease: false })),
    },
  ];
}
