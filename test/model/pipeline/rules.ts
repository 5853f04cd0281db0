/**
 * The rules of the pipelined commits. Each can be broken, to see that the search notices. What the model of the calls breaks (mark, settled
 * outcomes, look-ups, the order of replies and deletes) stands here as it should be.
 */
export interface Rules {
  /** A commit lands only on the version that its worker knows. */
  readonly fence: boolean;
  /** While a commit is in flight no other one is made. */
  readonly oneInFlight: boolean;
  /** A reply leaves when its commit has landed, not when it is made. */
  readonly replyAfterLanding: boolean;
  /** A turn that only read is answered when the turns before it are durable. */
  readonly readsWait: boolean;
  /** A turn that calls another instance waits until what it may have read is durable. */
  readonly callsWait: boolean;
  /** A turn sees what the turns before it have written, also what is still in flight. */
  readonly seeFlight: boolean;
  /** What has run on a commit that is lost, or may be, is dropped and runs again. */
  readonly dropAfterLoss: boolean;
  /** A commit whose answer is lost has landed if the head says so. */
  readonly lookAfterUnknown: boolean;
  /** A batch ends when its last commit has. */
  readonly stopAfterLanding: boolean;
}

export const PROTOCOL: Rules = {
  fence: true,
  oneInFlight: true,
  replyAfterLanding: true,
  readsWait: true,
  callsWait: true,
  seeFlight: true,
  dropAfterLoss: true,
  lookAfterUnknown: true,
  stopAfterLanding: true,
};
