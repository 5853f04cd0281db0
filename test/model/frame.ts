import type { Finding } from "./search.ts";

/** What stays the same through a search. */
export interface Setting<Scenario, Rules> {
  readonly scenario: Scenario;
  readonly rules: Rules;
}

export interface NamedScenario<Scenario> {
  /** What takes part. */
  readonly name: string;
  /** Takes too long for a test: only on request. */
  readonly large: boolean;
  readonly scenario: Scenario;
}

export interface BrokenVariant<Scenario, Rules> {
  readonly name: string;
  readonly rules: Partial<Rules>;
  /** Where it shows. */
  readonly scenario: Scenario;
}

export function small<Scenario>(name: string, scenario: Scenario): NamedScenario<Scenario> {
  return { name, large: false, scenario };
}

export function large<Scenario>(name: string, scenario: Scenario): NamedScenario<Scenario> {
  return { name, large: true, scenario };
}

/** What a worker did, the state after it but for the worker itself, and the worker. */
export type WorkerChange<State, Worker> = readonly [what: string, state: State, worker: Worker];

interface WithWorkers<Worker> {
  readonly workers: readonly Worker[];
}

/** What any of the workers may do, each with the state that it leads to. */
export function* stepsOfWorkers<Worker, State extends WithWorkers<Worker>>(
  state: State & WithWorkers<Worker>,
  changes: (worker: Worker) => Iterable<WorkerChange<State, Worker>>,
): Iterable<readonly [what: string, next: State]> {
  for (const [index, worker] of state.workers.entries()) {
    for (const [what, next, after] of changes(worker)) {
      yield [`w${index} ${what}`, { ...next, workers: next.workers.with(index, after) }];
    }
  }
}

/** Workers are alike: which of them is where does not matter. */
export function keyOf<State extends WithWorkers<unknown>>({ workers, ...rest }: State): string {
  return `${JSON.stringify(rest)}${workers
    .map((worker) => JSON.stringify(worker))
    .sort()
    .join("")}`;
}

/** How often each thing has happened that a scenario limits. */
interface WithMishaps<Kind extends string> {
  readonly mishaps: Readonly<Record<Kind, number>>;
}

export function mishapsLeft<Kind extends string>(
  { mishaps }: WithMishaps<Kind>,
  kind: Kind,
  { scenario }: { readonly scenario: Readonly<Record<Kind, number>> },
): boolean {
  return mishaps[kind] < scenario[kind];
}

export function mishap<State extends WithMishaps<string>>(
  state: State,
  kind: keyof State["mishaps"] & string,
): State {
  return { ...state, mishaps: { ...state.mishaps, [kind]: (state.mishaps[kind] ?? 0) + 1 } };
}

/** None of it has happened yet. */
export function noMishaps<Kind extends string>(kinds: readonly Kind[]): Readonly<Record<Kind, number>> {
  return Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>;
}

/** A model as it is searched. */
export interface CheckedModel<Scenario, Rules> {
  /** All end; together the small ones reach every kind of step. */
  readonly SCENARIOS: readonly NamedScenario<Scenario>[];
  /** Each rule of the protocol, broken where the search notices. */
  readonly BROKEN_VARIANTS: readonly BrokenVariant<Scenario, Rules>[];
  readonly PROTOCOL: Rules;
  check(scenario: Scenario, broken?: Partial<Rules>): Finding;
}
