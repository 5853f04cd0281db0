import { mishap, mishapsLeft, type WorkerChange } from "../frame.ts";
import { ENTRIES, type Part, type Request, type Setting, type State, type Worker } from "./state.ts";
import { ask } from "./table.ts";

type Change = WorkerChange<State, Worker>;

/** Everything that `worker` may do next. */
export function* workerSteps(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  if (worker.at === "hydrate") yield hydrates(state, worker, setting);
  if (worker.at === "parts") yield ["reads the parts", state, applying(state, worker, setting)];
  if (worker.at === "work") yield works(state, worker, setting);
  if (worker.at === "request") yield* requests(state, worker, setting);
  if (worker.at === "tidy") yield tidies(state, worker, setting);
  if (worker.at === "read") yield readsOn(state, worker);
}

/** Reads the head: what it names has to be applied first. What was read before must be of this version. */
function hydrates(state: State, worker: Worker, { rules }: Setting): Change {
  const { head, history } = state;
  if (head.journal !== undefined && rules.rollForward) {
    const read = rules.verifyReads && head.version !== worker.version ? undefined : worker.read;
    return ["hydrates: a journal is named", state, { ...worker, at: "parts", version: head.version, read }];
  }
  if (worker.read === undefined) return ["hydrates", state, { ...worker, at: "work", version: head.version }];
  const { read, version } = worker;
  const next: Worker = { ...worker, at: "work", version: head.version, read: undefined };
  if (rules.verifyReads && head.version !== version) return ["drops what it has read", state, next];
  const right = history.slice(version).some((values) => isEqual(values, read));
  const torn = right ? undefined : `at version ${version} the entries were never ${read}`;
  return ["verifies what it has read", { ...state, wrong: state.wrong ?? torn }, next];
}

/** Reads the parts of the journal that the head names; it may be another one by now, or none. */
function applying({ head, parts }: State, worker: Worker, setting: Setting): Worker {
  const { journal, applied } = head;
  if (journal === undefined) return { ...worker, at: "hydrate" };
  const changes = parts.filter((part) => part.journal === journal);
  const requests = applyRequests(journal, { changes, applied }, setting);
  return { ...worker, at: "request", journal, requests, after: ["tidy", "hydrate"] };
}

function applyRequests(
  journal: string,
  { changes, applied }: { changes: readonly Part[]; applied: number },
  { rules }: Setting,
): Request[] {
  const apply = changes.slice(applied).flatMap((part, index): Request[] => {
    const done = applied + index + 1;
    if (rules.countWithChanges) return [{ does: "applies", part, done }];
    return [
      { does: "counts", journal, done },
      { does: "applies", part, done: undefined },
    ];
  });
  const forget: Request = { does: "forgets", journal };
  return rules.forgetLast ? [...apply, forget] : [forget, ...apply];
}

/** Begins its next deed. */
function works(state: State, worker: Worker, setting: Setting): Change {
  const [deed, ...deeds] = worker.deeds;
  const { rules } = setting;
  if (deed === undefined) return ["ends", state, { ...worker, at: "gone", version: 0 }];
  if (deed === "read") return ["begins to read", state, { ...worker, at: "read", deeds, read: [] }];
  const value = state.made + 1;
  const made = { ...state, made: value };
  const expected = worker.version;
  if (deed === "small") {
    const commit: Request = { does: "commits", expected, value };
    return ["runs a turn", made, { ...worker, at: "request", deeds, requests: [commit], after: ["work"] }];
  }
  const journal = rules.freshNames ? `${expected}/${value}` : `${expected}`;
  const changes = ENTRIES.map((entry) => ({ journal, from: expected, entry, value, doomed: false }));
  const puts = changes.map((part): Request => ({ does: "puts", part }));
  const flip: Request = { does: "flips", expected, journal, value };
  const removes = rules.removeLast ? [] : changes.map((part): Request => ({ does: "removes", part }));
  const apply = rules.endApplied ? applyRequests(journal, { changes, applied: 0 }, setting) : [];
  const first = rules.partsFirst ? [...puts, flip] : [flip, ...puts];
  const after: Worker["after"] = rules.endApplied ? ["tidy", "work"] : ["work"];
  return [
    "runs a large turn",
    made,
    { ...worker, at: "request", deeds, requests: [...first, ...removes, ...apply], after },
  ];
}

/** Asks the table the next thing: it is done, refused, or never answered. */
function* requests(state: State, worker: Worker, setting: Setting): Iterable<Change> {
  const [request, ...rest] = worker.requests;
  if (request === undefined) return;
  const asked = ask(state, request, setting);
  const again: Worker = { ...worker, at: "hydrate", requests: [], after: [], read: undefined };
  if (asked === undefined) yield refused(request, state, { ...worker, requests: rest });
  else {
    const commits = request.does === "flips" || request.does === "commits";
    const version = commits ? request.expected + 1 : worker.version;
    const done: Worker = { ...worker, version, requests: rest };
    yield [`${request.does} ${detail(request)}`, asked, rest.length > 0 ? done : goesOn(done)];
  }
  if (!mishapsLeft(state, "late", setting)) return;
  const late = mishap(state, "late");
  if (asked) yield [`loses sight: ${request.does}`, mishap(asked, "late"), again];
  yield [`loses sight: ${request.does}, in the air`, { ...late, air: [...late.air, request] }, again];
}

function detail(request: Request): string {
  if ("part" in request) return `${request.part.journal} of entry ${request.part.entry}`;
  return "journal" in request ? request.journal : `version ${request.expected + 1}`;
}

/** A head that names another journal, or none, says that this one is applied; one of another version, that the commit is lost. */
function refused(request: Request, state: State, worker: Worker): Change {
  const commits = request.does === "flips" || request.does === "commits";
  if (commits) return ["is fenced", state, { ...worker, at: "hydrate", requests: [], after: [] }];
  return ["finds it applied", state, goesOn({ ...worker, requests: [] })];
}

function goesOn(worker: Worker): Worker {
  const [at = "hydrate", ...after] = worker.after;
  return { ...worker, at, after };
}

/** Lists what no commit can need any more, that of lost commits included, to remove it. */
function tidies(state: State, worker: Worker, { rules }: Setting): Change {
  const isOld = ({ from }: Part) => from < worker.version;
  const old = state.parts.filter((part) =>
    rules.remove === "of old versions"
      ? isOld(part)
      : rules.remove === "its own"
        ? part.journal === worker.journal
        : part.from <= worker.version,
  );
  const requests = old.map((part): Request => ({ does: "removes", part }));
  const doomed = state.parts.map((part) => (isOld(part) ? { ...part, doomed: true } : part));
  const next: Worker = requests.length > 0 ? { ...worker, at: "request", requests } : goesOn(worker);
  return ["lists old parts", { ...state, parts: doomed }, next];
}

/** Reads the next entry. When all are read, the head tells whether they belong together. */
function readsOn(state: State, worker: Worker): Change {
  const read = [...(worker.read ?? []), state.values[worker.read?.length ?? 0] ?? 0];
  return [
    `reads entry ${read.length - 1}`,
    state,
    { ...worker, at: read.length < ENTRIES.length ? "read" : "hydrate", read },
  ];
}

function isEqual(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}
