import { type ActorNamespace, StatefulActor } from "stateful-actors";

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** Tokens that a caller may save up, and how many it gets a second. */
const CAPACITY = 10;
const PER_SECOND = 2;
/** After this a bucket is full whatever it held, in ms. */
const FULL_AFTER_MS = (CAPACITY / PER_SECOND) * 1000;

/** A token bucket for each name: an API key, a user, an address. */
export class RateLimiter extends StatefulActor {
  /** Takes tokens if there are enough; else says when there will be, in ms. */
  async take(count = 1): Promise<{ ok: boolean; left: number; retryAfterMs: number }> {
    if (!Number.isInteger(count) || count < 1 || count > CAPACITY) {
      throw new RangeError(`${count} tokens can't be taken; ask for 1 to ${CAPACITY}`);
    }
    const now = Date.now();
    const bucket = await this.ctx.storage.get<Bucket>("bucket");
    const grown = bucket ? bucket.tokens + ((now - bucket.at) / 1000) * PER_SECOND : CAPACITY;
    const tokens = Math.min(CAPACITY, grown);
    if (tokens < count) {
      return {
        ok: false,
        left: Math.floor(tokens),
        retryAfterMs: Math.ceil(((count - tokens) / PER_SECOND) * 1000),
      };
    }
    await this.ctx.storage.put<Bucket>("bucket", { tokens: tokens - count, at: now });
    // A full bucket needs no memory. Moving an alarm later costs no request of its own.
    await this.ctx.storage.setAlarm(now + FULL_AFTER_MS);
    return { ok: true, left: Math.floor(tokens - count), retryAfterMs: 0 };
  }

  override async alarm() {
    await this.ctx.storage.deleteAll();
  }
}

interface Env {
  LIMITER: ActorNamespace<RateLimiter>;
}

export default {
  /** Answers 200 or 429 for the caller that the header names. */
  async fetch(request: Request, env: Env): Promise<Response> {
    const caller = request.headers.get("x-api-key");
    if (!caller) return Response.json({ error: "say who you are: header x-api-key" }, { status: 401 });
    const { ok, left, retryAfterMs } = await env.LIMITER.idFromName(caller).take();
    const headers = { "ratelimit-remaining": String(left) };
    if (ok) return Response.json({ ok }, { headers });
    const seconds = String(Math.ceil(retryAfterMs / 1000));
    return Response.json({ ok }, { status: 429, headers: { ...headers, "retry-after": seconds } });
  },
};
