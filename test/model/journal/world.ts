import { mishap, mishapsLeft, stepsOfWorkers, type WorkerChange } from "../frame.ts";
import { newWorker, type Setting, type State, type Worker } from "./state.ts";
import { ask } from "./table.ts";
import { workerSteps } from "./worker.ts";

/** Everything that may happen: at a worker, or to a request that nobody waits for. */
export function* steps(state: State, setting: Setting): Iterable<readonly [what: string, next: State]> {
  yield* stepsOfWorkers<Worker, State>(state, (worker) => changes(state, worker, setting));
  for (const request of state.air) {
    const others = { ...state, air: state.air.filter((other) => other !== request) };
    const landed = ask(others, request, setting);
    if (landed) yield [`the air: lands what ${request.does}`, landed];
  }
}

function* changes(state: State, worker: Worker, setting: Setting): Iterable<WorkerChange<State, Worker>> {
  if (worker.at === "gone") return;
  yield* workerSteps(state, worker, setting);
  if (mishapsLeft(state, "crashes", setting)) yield ["crashes", mishap(state, "crashes"), newWorker([])];
}
