import type { ServeDeps } from "../../../handlers/serve-records.ts";
import { decodeEnvelope } from "../../../runtime/core/envelope.ts";
import { isKept } from "../../../runtime/core/envelope-id.ts";
import { decodeMessage } from "../../../runtime/core/message.ts";
import type { Commit, Head } from "../../../runtime/ports/store.ts";
import type { Rules } from "../system.ts";
import { bendingStore, unlessFence, type Variant } from "../variant.ts";

/** Ways to do it wrong that must not go unnoticed. */
export const BROKEN_CALLS: readonly Variant[] = [
  { name: "no fence", rules: () => ({ minds: unlessFence }) },
  { name: "no group lock, and no fence", rules: () => ({ groupLock: false, minds: unlessFence }) },
  {
    name: "no lease is renewed, and no fence",
    rules: () => ({ minds: unlessFence, bendWorker: pretendRenewals }),
  },
  { name: "replies are filed before their commit", rules: () => ({ bendWorker: replyFirst }) },
  {
    name: "settled outcomes are not looked at",
    rules: () => ({ bendWorker: hydrating((head) => ({ ...head, settled: new Map() })) }),
  },
  {
    name: "the mark is not looked at",
    // It takes a worker that stops before it reads the head, and is overtaken by two batches.
    from: 500,
    rules: () => ({ bendWorker: hydrating((head) => ({ ...head, mark: undefined })) }),
  },
  {
    name: "the mark says the message, and not the place in it",
    rules: () => ({ bendWorker: hydrating(withoutIndex) }),
  },
  {
    name: "a message of several envelopes is deleted although not all are done",
    rules: () => ({ deletesTorn: true }),
  },
  { name: "replies on file are not looked at", rules: () => ({ bendWorker: findNothing }) },
  { name: "the first reply does not stand", rules: () => ({ minds: (term) => !term.includes("(id)") }) },
  { name: "kept outcomes of earlier batches are dropped", rules: () => ({ bendWorker: dropKept }) },
  { name: "messages leave before their commit", rules: () => ({ bendWorker: sendFirst }) },
  {
    name: "the outbox is emptied before it has left",
    rules: () => ({
      bendWorker: committing((commit) => ({ ...commit, head: { ...commit.head, outbox: [] } })),
    }),
  },
  { name: "a journal is not rolled forward", rules: () => ({ bendItem: withoutJournal }) },
  {
    name: "a journal keeps no newer commit back, and is not rolled forward",
    rules: () => ({ minds: unlessJournal, bendItem: withoutJournal }),
  },
  {
    name: "SQS takes the second attempt at a call for the first",
    rules: () => ({
      deduplicationId: ({ MessageBody = "" }) =>
        decodeMessage(MessageBody)
          .map(({ id }) => id)
          .join(),
    }),
  },
  { name: "messages are deleted before their batch", rules: () => ({ deletesFirst: true }) },
  { name: "messages of an instance come in another order", rules: () => ({ inOrder: false }) },
  { name: "a commit whose outcome is unknown counts as done", rules: () => ({ bendWorker: assumeDone }) },
  { name: "a commit that is fenced counts as done", rules: () => ({ bendWorker: ignoreFence }) },
  { name: "of a commit with entries only the head lands", rules: () => ({ bendWorker: tearCommits }) },
];

function unlessJournal(term: string): boolean {
  return !/\bjournal\b/.test(term);
}

function withoutJournal<T extends object>(item: T): T {
  const { journal, applied, ...rest } = item as T & { journal?: unknown; applied?: unknown };
  return rest as T;
}

/** Workers that know another head than there is. */
function hydrating(bend: (head: Head) => Head): Rules["bendWorker"] {
  return bendingStore((store) => ({
    hydrate: async (id) => {
      const head = await store.hydrate(id);
      return head && bend(head);
    },
  }));
}

/** Workers that commit something else. */
function committing(bend: (commit: Commit) => Commit): Rules["bendWorker"] {
  return bendingStore((store) => ({ commit: (commit) => store.commit(bend(commit)) }));
}

function pretendRenewals(deps: ServeDeps): ServeDeps {
  return { ...deps, lease: { ...deps.lease, renew: async (receipts) => new Set(receipts) } };
}

/** What lies in the message that the mark is in has been passed as a whole. */
function withoutIndex(head: Head): Head {
  return head.mark ? { ...head, mark: { ...head.mark, index: Number.MAX_SAFE_INTEGER } } : head;
}

function findNothing(deps: ServeDeps): ServeDeps {
  return { ...deps, replies: { ...deps.replies, filed: async () => new Set() } };
}

const replyFirst = bendingStore((store, { replies }) => ({
  commit: async (commit) => {
    for (const [id, text] of commit.head.settled) await replies.write(id, text);
    return store.commit(commit);
  },
}));

const sendFirst = bendingStore((store, { mailbox }) => ({
  commit: async (commit) => {
    for (const text of commit.head.outbox) await mailbox.send(decodeEnvelope(text));
    return store.commit(commit);
  },
}));

const dropKept = bendingStore((store) => {
  let carried: ReadonlySet<string> = new Set();
  return {
    hydrate: async (id) => {
      const head = await store.hydrate(id);
      carried = new Set([...(head?.settled.keys() ?? [])].filter(isKept));
      return head && { ...head, settled: new Map([...head.settled].filter(([each]) => !isKept(each))) };
    },
    commit: (commit) => {
      const settled = new Map([...commit.head.settled].filter(([id]) => !carried.has(id)));
      return store.commit({ ...commit, head: { ...commit.head, settled } });
    },
  };
});

const assumeDone = bendingStore((store) => ({
  commit: (commit) => store.commit(commit).catch(() => ({ status: "committed" })),
}));

const ignoreFence = bendingStore((store) => ({
  commit: async (commit) => {
    await store.commit(commit);
    return { status: "committed" };
  },
}));

const tearCommits = bendingStore((store) => ({
  commit: async (commit) => {
    const whole = commit.entries.size < 2;
    return store.commit(whole ? commit : { ...commit, entries: new Map([...commit.entries].slice(1)) });
  },
}));
