import { type Change, land, mishap, mishapsLeft } from "./change.ts";
import { IDLE, type Setting, type State, type Worker } from "./state.ts";
import { workerSteps } from "./worker.ts";

/** Everything that may happen: at a worker, at the queue, or to a commit that timed out. */
export function* steps(state: State, setting: Setting): Iterable<readonly [what: string, next: State]> {
  for (const [index, worker] of state.workers.entries()) {
    for (const [what, next, after] of changes(state, worker, setting)) {
      yield [`w${index} ${what}`, { ...next, workers: next.workers.with(index, after) }];
    }
  }
  if (state.air) {
    const landed = land(state, state.air, setting);
    if (landed) yield ["the air: a lost commit lands", { ...landed, air: undefined }];
  }
  yield* expiry(state, setting);
}

function* changes(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  if (worker.at === "idle") {
    yield* receives(state, setting);
    if (mishapsLeft(state, "errands", setting)) {
      yield ["comes without messages", mishap(state, "errands"), { ...IDLE, at: "hydrate" }];
    }
    return;
  }
  yield* workerSteps(state, worker, setting);
  if (mishapsLeft(state, "crashes", setting)) yield ["crashes", mishap(state, "crashes"), IDLE];
}

/** A worker gets the first messages of the mailbox, unless another one holds some. */
function* receives(state: State, { scenario, rules }: Setting): Iterable<Change> {
  if (state.messages.some(({ place }) => place === "held")) return;
  const queued = [...state.messages.keys()].filter((index) => state.messages[index]?.place === "queued");
  for (let count = 1; count <= Math.min(scenario.batch, queued.length); count++) {
    const taken = queued.slice(0, count);
    const tired = (index: number) => (state.messages[index]?.receives ?? 0) >= scenario.receives;
    const messages = state.messages.map((message, index) => {
      if (!taken.includes(index)) return message;
      return tired(index)
        ? { ...message, place: "dead" as const }
        : { place: "held" as const, receives: message.receives + 1 };
    });
    const batch = taken.filter((index) => !tired(index));
    const suspects = batch.filter((index) => (state.messages[index]?.receives ?? 0) > 0);
    const at = rules.look === "before the hydrate" ? "look" : "hydrate";
    const worker: Worker = batch.length === 0 ? IDLE : { ...IDLE, at, batch, suspects, lease: true };
    const dead = taken.filter(tired);
    const what = dead.length > 0 ? `receives ${batch}, gives up ${dead}` : `receives ${batch}`;
    yield [what, { ...state, messages }, worker];
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
