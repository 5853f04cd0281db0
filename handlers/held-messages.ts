import type { Lease } from "../runtime/adapters/aws/sqs-lease.ts";
import { messageOf } from "../runtime/core/errors.ts";
import type { Clock } from "../runtime/ports/clock.ts";
import type { Telemetry } from "../runtime/ports/telemetry.ts";

/** How often a lease is renewed in its own length: two renewals may fail or be late. */
const RENEWALS = 3;
/** How often a renewal that failed is tried in the length of a lease. */
const RETRIES = 15;

export interface HoldingDeps {
  readonly lease: Lease;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** How long a worker that dies holds its messages, in ms: whole seconds. */
  readonly shortLeaseMs: number;
}

/**
 * The messages of one batch that a worker holds. The queue hides what it hands out for longer than an invocation can take, which
 * may be many minutes; a worker that dies must not hold its instances for so long. So it shortens that to a lease, and
 * renews the lease while it is healthy:
 *
 *     received ├──────────────── the queue's visibility timeout ────────────────┤
 *     shortened ├── lease ──┤
 *     renewed       ├── lease ──┤
 *     renewed           ├── lease ──┤ ← if it has died, another worker is given the messages here
 *
 * It costs one request a batch, and one more for every third of a lease that the batch takes.
 */
export class HeldMessages {
  readonly #deps: HoldingDeps;
  /** When the lease of a message is over, by its receipt. */
  readonly #ends: Map<string, number>;
  /** At most one: what it hides again must not be what a later request has returned. */
  #inFlight: Promise<void> | undefined;
  #cancelNext = () => {};
  #reported = false;

  /** @param leaseEnd when the messages may become visible if nothing is done, in ms since the epoch */
  constructor(receipts: readonly string[], { leaseEnd, deps }: { leaseEnd: number; deps: HoldingDeps }) {
    this.#deps = deps;
    this.#ends = new Map(receipts.map((receipt) => [receipt, leaseEnd]));
  }

  /** Shortens the lease and renews it from then on. It waits for nothing: `leave` does. */
  begin(): void {
    const { clock, shortLeaseMs } = this.#deps;
    const sent = clock.now();
    // What is over is not asked for again: another worker may have been given it.
    const receipts = [...this.#ends].filter(([, end]) => sent < end).map(([receipt]) => receipt);
    if (receipts.length === 0) return;
    for (const receipt of receipts) this.#end(receipt, Math.min(this.endOf([receipt]), sent + shortLeaseMs));
    this.#inFlight = this.#renew(receipts, sent).then((renewed) => {
      this.#inFlight = undefined;
      if (this.#ends.size === 0) return;
      const now = clock.now();
      const next = renewed ? sent + shortLeaseMs / RENEWALS : now + shortLeaseMs / RETRIES;
      this.#cancelNext = clock.after(Math.max(next - now, 0), () => this.begin());
    });
  }

  /**
   * When the first of these may become visible, in ms since the epoch. Counted from when a lease was asked for that was granted:
   * while there is no answer, the one before it or the new one may be true, and the earlier end counts.
   */
  endOf(receipts: readonly string[]): number {
    return Math.min(...receipts.map((receipt) => this.#ends.get(receipt) ?? Number.NEGATIVE_INFINITY));
  }

  /**
   * These messages are not renewed any more. Resolves when no request under way contains them, so that none hides them
   * again once they are returned. When all have left, no timer and no request is left.
   */
  async leave(receipts: readonly string[]): Promise<void> {
    for (const receipt of receipts) this.#ends.delete(receipt);
    if (this.#ends.size === 0) this.#cancelNext();
    await this.#inFlight;
  }

  /** @returns whether every message that is still held has a new lease */
  async #renew(receipts: readonly string[], sent: number): Promise<boolean> {
    const { lease, shortLeaseMs } = this.#deps;
    try {
      const granted = await lease.renew(receipts, shortLeaseMs / 1000);
      for (const receipt of granted) this.#end(receipt, sent + shortLeaseMs);
      const refused = receipts.filter((receipt) => this.#ends.has(receipt) && !granted.has(receipt));
      if (refused.length === 0) return true;
      this.#report(`the queue refused ${refused.length} of ${receipts.length} messages`);
    } catch (error) {
      this.#report(messageOf(error));
    }
    return false;
  }

  #end(receipt: string, end: number): void {
    if (this.#ends.has(receipt)) this.#ends.set(receipt, end);
  }

  /** Once a batch: what goes wrong once goes wrong often. */
  #report(reason: string): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#deps.telemetry.problem("lease not renewed", { reason });
  }
}
