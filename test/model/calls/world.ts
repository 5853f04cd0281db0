import { mishap, mishapsLeft, stepsOfWorkers } from "../frame.ts";
import { type Change, land } from "./change.ts";
import { hold, IDLE, isKept, packOf, type Setting, type State, specOf, type Worker } from "./state.ts";
import { workerSteps } from "./worker.ts";

/** Everything that may happen: at a worker, at the queue, or to a commit that timed out. */
export function* steps(state: State, setting: Setting): Iterable<readonly [what: string, next: State]> {
  yield* stepsOfWorkers<Worker, State>(state, (worker) => changes(state, worker, setting));
  for (const commit of state.air) {
    const landed = land({ ...state, air: state.air.filter((other) => other !== commit) }, commit, setting);
    if (landed) yield ["the air: a lost commit lands", landed];
  }
  yield* expiry(state, setting);
  if (mishapsLeft(state, "restarts", setting)) {
    yield ["the process: begins anew", restarted(mishap(state, "restarts"), setting)];
  }
}

/** Whether the mailbox is a process's own: what nobody waits for any more is dropped, and only its process can tell. */
function isEmbedded({ restarts }: Setting["scenario"]): boolean {
  return restarts > 0;
}

/** Awaited calls are gone with the process, and so are replies in its memory; what lies in its file comes again. */
function restarted(state: State, { scenario, rules }: Setting): State {
  const mailbox = state.mailbox + 1;
  return {
    ...state,
    mailbox,
    // Whoever starts looks for what is owed.
    mishaps: { ...state.mishaps, errands: 0 },
    messages: state.messages.map((message, index) => {
      const spec = specOf(scenario, index);
      const { place, receives } = message;
      if (place === "unsent") {
        return spec.mailbox === state.mishaps.restarts ? { ...message, place: "queued" } : message;
      }
      if (place !== "queued" && place !== "held") return message;
      // It may have been received before, for all that this process knows.
      return { place: spec.outlives ? "queued" : "gone", receives: Math.max(receives, 1) };
    }),
    workers: state.workers.map(() => IDLE),
    forgotten: rules.ledger ? [] : Object.keys(state.filed).filter((id) => !isKept(scenario, id)),
  };
}

function* changes(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  if (worker.at === "idle") {
    yield* receives(state, setting);
    if (mishapsLeft(state, "errands", setting)) {
      yield [
        "comes without messages",
        mishap(state, "errands"),
        { ...IDLE, at: "hydrate", mailbox: state.mailbox },
      ];
    }
    return;
  }
  yield* workerSteps(state, worker, setting);
  if (mishapsLeft(state, "crashes", setting))
    yield ["crashes", hold(mishap(state, "crashes"), worker.begun?.call), IDLE];
}

/** A worker gets the first messages of the mailbox, unless another one holds some. */
function* receives(state: State, setting: Setting): Iterable<Change> {
  const { scenario, rules } = setting;
  if (state.messages.some(({ place }) => place === "held")) return;
  const queued = [...state.messages.keys()].filter((index) => state.messages[index]?.place === "queued");
  const packs = queued.map((index) => packOf(index, setting)).filter(([first], n) => first === queued[n]);
  for (let count = 1; count <= Math.min(scenario.batch, packs.length); count++) {
    const taken = packs.slice(0, count).flat();
    const tired = (index: number) =>
      (state.messages[index]?.receives ?? 0) >= scenario.receives && !specOf(scenario, index).outlives;
    const messages = state.messages.map((message, index) => {
      if (!taken.includes(index)) return message;
      return tired(index)
        ? { ...message, place: isEmbedded(scenario) ? ("gone" as const) : ("dead" as const) }
        : { place: "held" as const, receives: Math.min(message.receives + 1, scenario.receives) };
    });
    const batch = taken.filter((index) => !tired(index));
    const dead = taken.filter(tired);
    const suspects = batch.filter((index) => (state.messages[index]?.receives ?? 0) > 0);
    const at = rules.look === "before the hydrate" ? "look" : "hydrate";
    const often = batch.filter((index) => (messages[index]?.receives ?? 0) >= scenario.trial.from);
    const drops = dead.length > 0 && isEmbedded(scenario) && rules.renameAfterDrop;
    const mailbox = drops ? state.mailbox + 1 : state.mailbox;
    const worker: Worker =
      batch.length === 0 ? IDLE : { ...IDLE, at, batch, suspects, often, lease: true, mailbox };
    const what = dead.length > 0 ? `receives ${batch}, gives up ${dead}` : `receives ${batch}`;
    yield [what, { ...state, messages, mailbox }, worker];
    const refused = packs.slice(0, count).filter(({ length }) => length > 1);
    if (dead.length === 0 && refused.length > 0 && mishapsLeft(state, "refusals", setting)) {
      yield refuses(mishap(state, "refusals"), worker, { refused: refused.flat(), messages, setting });
    }
  }
}

/** A worker of an older version can't read packs: they come again, and so does what is behind them. */
function refuses(
  state: State,
  worker: Worker,
  {
    refused,
    messages,
    setting,
  }: { refused: readonly number[]; messages: State["messages"]; setting: Setting },
): Change {
  const [first = 0] = refused;
  const isRun = (envelope: number) =>
    setting.rules.refusalStops ? envelope < first : !refused.includes(envelope);
  const batch = worker.batch.filter(isRun);
  const returned = worker.batch.filter((envelope) => !isRun(envelope));
  const left = messages.map((message, index) =>
    returned.includes(index) ? { ...message, place: "queued" as const } : message,
  );
  const [suspects, often] = [worker.suspects.filter(isRun), worker.often.filter(isRun)];
  const older = batch.length === 0 ? IDLE : { ...worker, batch, suspects, often };
  return [`refuses ${returned}, has ${batch}`, { ...state, messages: left }, older];
}

/** What is held comes back: after its worker's death always, under a worker that goes on a few times. */
function* expiry(state: State, setting: Setting): Iterable<readonly [what: string, next: State]> {
  if (!state.messages.some(({ place }) => place === "held")) return;
  const orphaned = !state.workers.some(({ lease }) => lease);
  if (!orphaned && !mishapsLeft(state, "expiries", setting)) return;
  // A worker that has lost its lease may be dead for all that others know.
  const losing = state.workers.filter(({ lease }) => lease);
  const lost = losing.reduce((at, { begun }) => hold(at, begun?.call), state);
  const next = orphaned ? state : mishap(lost, "expiries");
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
