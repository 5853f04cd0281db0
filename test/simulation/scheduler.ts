import type { World } from "./world.ts";

/** How long after its time a schedule is invoked at the latest, in ms. */
const LATEST_MS = 60_000;

/** EventBridge Scheduler: one-time schedules by name, each invoked at least once and then gone. */
export class Scheduler {
  readonly #world: World;
  readonly #invoke: (body: string) => void;
  readonly #schedules = new Map<string, string>();

  constructor(world: World, invoke: (body: string) => void) {
    this.#world = world;
    this.#invoke = invoke;
  }

  /** Makes a schedule, unless there is one of that name, or the quota is used up. */
  create(name: string, { at, body }: { at: number; body: string }): "made" | "exists" | "refused" {
    const { timeline, random, chaos, journal } = this.#world;
    if (chaos.happens("quota")) return "refused";
    if (this.#schedules.has(name)) return "exists";
    this.#schedules.set(name, body);
    journal.count("schedule made");
    timeline.at(at + random.between(0, LATEST_MS), () => {
      this.#invoke(body);
      this.#schedules.delete(name);
    });
    if (chaos.happens("copy")) {
      timeline.at(at + random.between(0, 2 * LATEST_MS), () => {
        journal.count("schedule invoked again");
        this.#invoke(body);
      });
    }
    return "made";
  }

  bodies(): string[] {
    return [...this.#schedules.values()];
  }

  get size(): number {
    return this.#schedules.size;
  }
}
