import { nextLook, type PlannedLook } from "../../runtime/core/reply-wait.ts";
import { DRAWS, draw, type Summary, seeded, summarize } from "./distribution.ts";
import { FUNCTIONS, LATENCY, type Latency, LIMITS } from "./figures.ts";

/** From the moment a call is in its mailbox until its reply is on file, at the median: hand-over, head, commit, reply. */
export function replyAfterSendMs(): number {
  const { fifoToFunction, sqsSend, dynamoRead, dynamoWrite } = LATENCY;
  return fifoToFunction.p50 - sqsSend.p50 + dynamoRead.p50 + 2 * dynamoWrite.p50;
}

export interface CallTimes {
  /** What the caller waits for, front door included. */
  readonly total: Summary;
  /** The same if the answer were known the moment it is there: the sum of the hops that cannot be left out. */
  readonly floor: Summary;
  /** How long the two functions run for a call. */
  readonly routerMs: number;
  readonly workerMs: number;
  /** Looks for the reply. */
  readonly looks: number;
}

export type Door = "HTTP API" | "function URL" | "none";

const known = new Map<Door, CallTimes>();

/** A warm call that commits, with the real schedule of looks. */
export function callTimes(door: Door): CallTimes {
  const times = known.get(door) ?? drawnTimes(door);
  known.set(door, times);
  return times;
}

function drawnTimes(door: Door): CallTimes {
  const random = seeded(1);
  const one = (latency: Latency) => draw(latency, random);
  const [total, floor, router, worker, looks]: number[][] = [[], [], [], [], []];
  for (let n = 0; n < DRAWS; n++) {
    const before =
      (door === "HTTP API" ? one(LATENCY.httpApi) : 0) + (door === "none" ? 0 : one(LATENCY.invoke));
    const sent = one(LATENCY.sqsSend);
    const turn = one(LATENCY.dynamoRead) + one(LATENCY.dynamoWrite) + one(LATENCY.dynamoWrite);
    const filed = Math.max(one(LATENCY.fifoToFunction), sent) + turn;
    const found = foundAfter(filed - sent);
    const read = one(LATENCY.dynamoRead);
    const waited = sent + found.ms + read + FUNCTIONS.workMs;
    total?.push(before + waited);
    floor?.push(before + filed + read);
    router?.push(waited);
    // The request that shortens its lease goes on beside the turn.
    worker?.push(Math.max(turn, one(LATENCY.sqsSend)) + FUNCTIONS.workMs);
    looks?.push(found.looks);
  }
  const mean = (values: number[] | undefined) => summarize(values ?? []).mean;
  return {
    total: summarize(total ?? []),
    floor: summarize(floor ?? []),
    routerMs: mean(router),
    workerMs: mean(worker),
    looks: mean(looks),
  };
}

/** When the look is made that finds a reply, and the how manieth it is. */
function foundAfter(readyMs: number): { ms: number; looks: number } {
  let planned: PlannedLook | undefined;
  for (let looks = 1; ; looks++) {
    planned = nextLook(planned, { now: planned?.at ?? 0, deadline: 28_000 });
    if (planned.at >= readyMs || planned.at >= 28_000) return { ms: planned.at, looks };
  }
}

/** The sum of some latencies, each drawn by itself. */
export function sumOf(latencies: readonly Latency[]): Summary {
  const random = seeded(2);
  return summarize(
    Array.from({ length: DRAWS }, () => latencies.reduce((sum, each) => sum + draw(each, random), 0)),
  );
}

/**
 * The most calls a second of one instance, where all of a batch share head, commit and the event source's round. The processor works on
 * each call by itself.
 *
 * @param packed envelopes of each message
 * @param workerMb memory of the worker, of which its share of a processor follows
 */
export function hotInstancePerSecond({ packed, workerMb }: { packed: number; workerMb: number }): number {
  const { nextBatch, dynamoRead, dynamoWrite } = LATENCY;
  const batch = LIMITS.batch.messages * packed;
  const round = nextBatch.p50 + dynamoRead.p50 + 2 * dynamoWrite.p50 + FUNCTIONS.workMs;
  return (1000 * batch) / (round + (batch - 1) * furtherCallMs(workerMb));
}

/** How long a worker of that memory is busy with each further call of a batch: it has a share of a processor. */
export function furtherCallMs(workerMb: number): number {
  return FUNCTIONS.furtherCallCpuMs / Math.min(1, workerMb / LIMITS.processor.mb);
}

/** The most calls a second that one process sends to one instance, where each request waits for the one before it. */
export function sentToOnePerSecond(packed: number): number {
  return (1000 * LIMITS.batch.messages * packed) / LATENCY.sqsSend.p50;
}
