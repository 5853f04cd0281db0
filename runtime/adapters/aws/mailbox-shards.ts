import { createHash } from "node:crypto";
import { actorKey } from "../../core/actor-id.ts";
import type { ActorId } from "../../ports/mailbox.ts";

/*
 * The mailboxes of a deployment may be spread over several queues, by a hash of the instance:
 *
 *   bank-Envelopes-12ab34cd.fifo     the first, and the only one unless told otherwise
 *   bank-Envelopes-12ab34cd-1.fifo   the second
 *   bank-Envelopes-12ab34cd-2.fifo   …
 *
 * Whoever sends knows the first one's URL and how many there are. The CDK construct gives them these names.
 */

/**
 * The shard in which an instance has its mailbox, from 0. One more shard takes its instances from all others alike, and moves
 * no others ("A Fast, Minimal Memory, Consistent Hash Algorithm", Lamping and Veach, 2014).
 */
export function shardOf(id: ActorId, shards: number): number {
  if (shards <= 1) return 0;
  let key = createHash("sha256").update(actorKey(id)).digest().readBigUInt64BE();
  let shard = 0;
  for (let next = 0; next < shards; ) {
    shard = next;
    key = BigInt.asUintN(64, key * 2862933555777941757n + 1n);
    next = Math.floor((shard + 1) * (2 ** 31 / Number((key >> 33n) + 1n)));
  }
  return shard;
}

/** The URL of a shard's queue. @param url that of the first one */
export function shardUrl(url: string, shard: number): string {
  return shard === 0 ? url : url.replace(/\.fifo$/, `-${shard}.fifo`);
}

/** The URL of the queue with this ARN among the shards; for any other ARN, as emulators make them up, the first one's. */
export function shardUrlOfArn(url: string, arn: string): string {
  const name = arn.slice(arn.lastIndexOf(":") + 1);
  const first = url.slice(url.lastIndexOf("/") + 1);
  const shard = /-([1-9]\d*)\.fifo$/.exec(name)?.[1];
  return shard !== undefined && shardUrl(first, Number(shard)) === name ? shardUrl(url, Number(shard)) : url;
}
