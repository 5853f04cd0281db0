import { setTimeout as delay } from "node:timers/promises";
import type { ActorStub } from "../../runtime/client.ts";
import type { Ledger } from "../projects/ledger/src/index.ts";
import type { Random } from "../simulation/random.ts";
import type { End, Kind, Record } from "./history.ts";

/** Ways to a ledger: one waits for long, one gives up soon. */
export interface Ways {
  readonly patient: (ledger: string) => ActorStub<Ledger>;
  readonly hasty: (ledger: string) => ActorStub<Ledger>;
}

/** How often a caller asks for one call, at most. */
const MOST_ATTEMPTS = 8;
/** How long a caller waits before it asks a server again that was not there, in ms. */
const AWAY_MS = 250;

/** What a caller wants done. */
interface Errand {
  readonly op: string;
  readonly kind: Kind;
  readonly to: string;
  /** Ledgers that it reaches from there. */
  readonly others: readonly string[];
  readonly args: readonly unknown[];
}

export interface LoadOptions {
  readonly ways: Ways;
  readonly record: Record;
  readonly random: Random;
  readonly callers: number;
  /** Names of the ledgers: those at the front get the most calls. The last ones are called by the others. */
  readonly ledgers: readonly string[];
}

/** Callers that never pause, each with one call at a time. `stop` resolves when all have their last answer. */
export function startLoad(options: LoadOptions): { stop(): Promise<void> } {
  let stopped = false;
  const callers = Array.from({ length: options.callers }, (_, number) => {
    const random = options.random.fork();
    const caller = new LoadCaller(`c${number}`, { ...options, random });
    return (async () => {
      while (!stopped) await caller.run();
    })();
  });
  return {
    async stop() {
      stopped = true;
      await Promise.all(callers);
    },
  };
}

class LoadCaller {
  readonly #name: string;
  readonly #options: LoadOptions;
  #count = 0;

  constructor(name: string, options: LoadOptions) {
    this.#name = name;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { random } = this.#options;
    const errand = this.#draw();
    if (errand.kind === "read") await this.#ask(errand, 1, {});
    else if (errand.kind === "post") await this.#ask(errand, 1, {});
    else if (random.chance(0.5)) await this.#insist(errand, { idempotencyKey: errand.op });
    else await this.#insist(errand, random.chance(0.5) ? undefined : {});
  }

  /** Asks until it knows what has become of it, and sometimes once more. Without options it gives up at once. */
  async #insist(errand: Errand, options: { readonly idempotencyKey?: string } | undefined): Promise<void> {
    let asking: object = options ?? {};
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      const answer = await this.#ask(errand, attempt, asking);
      const knows = answer.told === "ok" || answer.told === "failed";
      if (!options || (knows && !this.#options.random.chance(0.2))) return;
      if (options.idempotencyKey !== undefined) continue;
      // A call without a key can be asked for again by its envelope alone.
      if (answer.envelopeId !== undefined) asking = { envelopeId: answer.envelopeId };
      if (!("envelopeId" in asking)) return;
    }
  }

  async #ask(
    errand: Errand,
    attempt: number,
    options: object,
  ): Promise<Pick<End, "told"> & { readonly envelopeId?: string | undefined }> {
    const { ways, record, random } = this.#options;
    const { op, kind, to, others } = errand;
    const way = random.chance(0.15) ? ways.hasty : ways.patient;
    record({ is: "begin", op, attempt, kind, to, others });
    try {
      const result = await perform(way(to).with(options), errand);
      record({ is: "end", op, attempt, told: "ok", result });
      return { told: "ok" };
    } catch (thrown) {
      const { name, message, effect, envelopeId } = thrown as Error & {
        effect?: End["told"];
        envelopeId?: string;
      };
      if (effect === undefined) throw thrown;
      const error = effect === "failed" ? `${name}: ${message}` : name;
      record({ is: "end", op, attempt, told: effect, error });
      if (name === "ActorConnectionError") await delay(AWAY_MS);
      return { told: effect, envelopeId };
    }
  }

  #draw(): Errand {
    const { random, ledgers } = this.#options;
    const op = `${this.#name}.${++this.#count}`;
    const leaves = ledgers.slice(-Math.ceil(ledgers.length / 4));
    const callers = ledgers.slice(0, ledgers.length - leaves.length);
    // Some are called much more often than others.
    const index = Math.floor(random.next() ** 2 * callers.length);
    const to = callers[index] ?? "";
    const neighbours = [1, 2].map((step) => callers[(index + step) % callers.length] ?? "");
    const leaf = leaves[random.between(0, leaves.length - 1)] ?? "";
    const errand = (kind: Kind, others: readonly string[] = [], args: readonly unknown[] = []) => ({
      op,
      kind,
      to,
      others,
      args,
    });
    const lot = random.next();
    const pause = random.pick([0, 0, 0, 50, 400]);
    if (lot < 0.3) return errand("add", [], [pause]);
    if (lot < 0.4) return errand("post", [], [pause]);
    if (lot < 0.46) return errand("fail", [], [random.chance(0.5) ? neighbours : []]);
    if (lot < 0.58) return errand("tell", [], [neighbours.slice(0, random.between(1, 2))]);
    if (lot < 0.68) return errand("relay", [leaf]);
    if (lot < 0.7) return errand("bulk");
    if (lot < 0.8) return errand("arm", [], [random.between(-500, 4_000), random.pick([0, 0, 0, 1, 2])]);
    if (lot < 0.82) return errand("disarm");
    return { ...errand("read"), to: random.chance(0.3) ? leaf : to };
  }
}

/** One call, or message, as an errand says. */
async function perform(stub: ActorStub<Ledger>, { op, kind, others, args }: Errand): Promise<unknown> {
  const [first, second] = args as [never, never];
  switch (kind) {
    case "add":
      return stub.add(op, first);
    case "post":
      return stub.send.add(op, first);
    case "fail":
      return (first as string[]).length > 0 ? stub.tellThenThrow(op, first) : stub.addThenThrow(op);
    case "tell":
      return stub.tell(op, first);
    case "relay":
      return stub.relay(op, others[0] ?? "");
    case "bulk":
      return stub.bulk(op);
    case "arm":
      return stub.arm(op, first, second);
    case "disarm":
      return stub.disarm(op);
    case "read":
      return stub.read();
  }
}
