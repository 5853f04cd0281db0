import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createLocalMailbox,
  type LocalMailbox,
  type Messages,
} from "../../../runtime/adapters/local/local-mailbox.ts";
import { createMemoryMessages } from "../../../runtime/adapters/local/memory-messages.ts";
import { createSqliteMessages } from "../../../runtime/adapters/local/sqlite-messages.ts";
import { openStateFile } from "../../../runtime/adapters/local/state-file.ts";
import type { Delivery, Envelope } from "../../../runtime/ports/mailbox.ts";
import { StepClock } from "../core/fixtures.ts";
import { oneWay, stateFilePath } from "./envelopes.ts";

/** Where messages outlive a crash. */
interface Disk {
  open(): Messages;
  /** The process that had it open is gone. */
  release(): void;
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      to: fc.constantFrom("a", "b"),
      // From the send on, in ms.
      due: fc.option(fc.integer({ min: -100, max: 90_000 }), { nil: undefined }),
      // Whether the sender waits until it is durable.
      waits: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("send again" as const), which: fc.nat({ max: 20 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.nat({ max: 40_000 }) }) },
  // The next batches end unfinished from their n-th delivery on.
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("fail" as const),
      done: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A server that sends, delivers, crashes and comes up again. */
class World {
  readonly clock = new StepClock();
  readonly sent: { envelope: Envelope; atOnce: boolean }[] = [];
  /** Messages whose sender was told that they are durable. */
  readonly promised = new Set<string>();
  /** Messages whose delivery was finished, in order of the first time. */
  readonly finished = new Set<string>();
  readonly early: (string | undefined)[] = [];
  readonly fates: number[] = [];
  readonly #disk: Disk;
  #life = 0;
  #messages: Messages;
  #mailbox: LocalMailbox;

  constructor(disk: Disk) {
    this.#disk = disk;
    this.#messages = disk.open();
    this.#mailbox = this.#start();
  }

  get left(): readonly Envelope[] {
    return this.#messages.all();
  }

  async do(step: Step): Promise<void> {
    if (step.do === "send") await this.#send(step);
    else if (step.do === "send again") this.#sendAgain(step.which);
    else if (step.do === "advance") await this.clock.advance(step.ms);
    else if (step.do === "fail") this.fates.push(...step.done);
    else {
      if (step.do === "restart") {
        this.#mailbox.close();
        await this.#drain();
      }
      this.#life++;
      this.#disk.release();
      this.#messages = this.#disk.open();
      this.#mailbox = this.#start();
    }
  }

  /** Everything comes due, nothing fails any more. */
  async end(): Promise<void> {
    this.fates.length = 0;
    await this.clock.advance(200_000);
    await this.#drain();
    await this.clock.idle();
    await this.clock.idle();
    expect(this.clock.pending).toBe(0);
  }

  #start(): LocalMailbox {
    const life = this.#life;
    const alive = () => life === this.#life;
    const never = new Promise<never>(() => {});
    const messages = this.#messages;
    const mailbox = createLocalMailbox({
      queue: String(life),
      // What the dead do reaches neither the disk nor anybody.
      messages: {
        add: async (envelope) => {
          await this.clock.idle();
          return alive() ? messages.add(envelope) : never;
        },
        remove: (key) => (alive() ? messages.remove(key) : never),
        all: () => messages.all(),
      },
      consume: async (_, deliveries) => {
        if (!alive()) return never;
        for (const { envelope } of deliveries) {
          if (this.clock.now() < (envelope.due ?? 0)) this.early.push(envelope.attempt);
        }
        await this.#work();
        return alive() ? this.#finish(deliveries) : never;
      },
      clock: {
        now: () => this.clock.now(),
        after: (ms, fire) => this.clock.after(ms, () => void (alive() && fire())),
        idle: () => this.clock.idle(),
        quiet: () => this.clock.quiet(),
      },
      telemetry: { problem: () => {}, count: () => {} },
    });
    mailbox.start();
    return mailbox;
  }

  #work(): Promise<void> {
    return new Promise((resolve) => this.clock.after(5, resolve));
  }

  #finish(deliveries: readonly Delivery[]): Delivery[] {
    const done = this.fates.shift() ?? deliveries.length;
    for (const { envelope } of deliveries.slice(0, done)) this.finished.add(envelope.attempt ?? "");
    return deliveries.slice(done);
  }

  async #send({ to, due, waits }: { to: string; due: number | undefined; waits: boolean }): Promise<void> {
    const at = due === undefined ? undefined : this.clock.now() + due;
    const envelope = oneWay(to, `m${this.sent.length}`, at);
    this.sent.push({ envelope, atOnce: due === undefined || due <= 0 });
    const promised = this.#promise(envelope);
    if (waits) await promised;
  }

  #sendAgain(which: number): void {
    const { envelope } = this.sent[which] ?? {};
    // One that was lost with its sender is another message when it is sent again, with a place of its own in the order.
    if (envelope && this.promised.has(envelope.attempt ?? "")) void this.#promise(envelope);
  }

  async #promise(envelope: Envelope): Promise<void> {
    await this.#mailbox.send(envelope);
    this.promised.add(envelope.attempt ?? "");
  }

  async #drain(): Promise<void> {
    let drained = false;
    void this.#mailbox.drained().then(() => {
      drained = true;
    });
    for (let round = 0; !drained && round < 1000; round++) await this.clock.advance(100);
    expect(drained).toBe(true);
  }
}

const disks: Record<string, () => Disk> = {
  memory: () => {
    const messages = createMemoryMessages();
    return { open: () => messages, release: () => {} };
  },
  SQLite: () => {
    const path = stateFilePath();
    let file: ReturnType<typeof openStateFile> | undefined;
    return {
      open: () => {
        // On virtual time nothing waits for a real disk.
        file = openStateFile(path, { sync: (_, done) => done(null) });
        return createSqliteMessages(file, {
          clock: new StepClock(),
          telemetry: { problem: () => {}, count: () => {} },
        });
      },
      release: () => file?.close(),
    };
  },
};

test.each([
  ["memory", 400],
  ["SQLite", 40],
])(
  "whatever crashes, one-way messages arrive, in order, and none before its time: %s",
  async (kind, numRuns) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: "max" }), async (steps) => {
        const disk = (disks[kind] as () => Disk)();
        const world = new World(disk);
        for (const each of steps) await world.do(each);
        await world.end();

        expect(world.early).toEqual([]);
        expect(world.left).toEqual([]);
        expect([...world.promised].filter((id) => !world.finished.has(id))).toEqual([]);
        for (const to of ["a", "b"]) {
          const inOrder = world.sent
            .filter(({ envelope, atOnce }) => atOnce && envelope.to.name === to)
            .map(({ envelope }) => envelope.attempt ?? "");
          const arrived = [...world.finished].filter((id) => inOrder.includes(id));
          expect(arrived).toEqual(inOrder.filter((id) => world.finished.has(id)));
        }
        disk.release();
      }),
      { numRuns },
    );
  },
);
