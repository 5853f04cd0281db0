import type { Tracer } from "../ports/tracer.ts";
import type { TurnObserver } from "../ports/turn-observer.ts";
import type { Activations } from "./activation.ts";
import type { PipelineDeps } from "./commit-pipeline.ts";
import type { AlarmDeps } from "./run-alarm.ts";
import type { TrialRules } from "./trial.ts";

export interface BatchDeps extends Omit<AlarmDeps, "readsDurable">, PipelineDeps {
  readonly activations: Activations;
  /** When an envelope is given up that ends its workers, if not as usual. */
  readonly trial?: TrialRules;
  /** Who looks at the turns; nobody on AWS. */
  readonly observer?: TurnObserver | undefined;
  /** Who makes spans of turns, if that is wanted. */
  readonly tracer?: Tracer | undefined;
}

/** How long a batch may go on, in ms since the epoch. */
export interface BatchTimes {
  /** No turn starts that could still run after this. */
  readonly stopBy: number;
  /** Nothing is committed after this: the lease may be over. It moves as the lease is renewed. An extra; the version is the proof. */
  readonly commitBy: number;
}
