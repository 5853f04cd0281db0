import type { Log, Setting, State } from "./state.ts";

/** The promise that `state` breaks, or `undefined`. */
export function brokenPromise(state: State, stuck: boolean, setting: Setting): string | undefined {
  return (
    state.wrong ??
    brokenLog(state.head.log) ??
    brokenReply(state, setting) ??
    (stuck ? brokenEnd(state) : undefined)
  );
}

/** Each message writes at most once, in the order of the mailbox. */
function brokenLog(log: Log): string | undefined {
  const early = log.find((message, index) => message <= (log[index - 1] ?? -1));
  return early === undefined ? undefined : `message ${early} has written twice, or after a later one: ${log}`;
}

/**
 * Whoever is told something is told what is durable, and just that: all that was written before its message in the mailbox, also
 * what is written by somebody else. Nothing is deleted unanswered.
 */
function brokenReply({ filed, told, head, messages }: State, { scenario }: Setting): string | undefined {
  for (const [message, kind] of scenario.messages.entries()) {
    const before = head.log.filter((other) => other < message);
    const writes = kind === "writes" || kind === "calls";
    const reply = filed[message];
    const right = writes ? [...before, message] : before;
    if (reply && !(isSame(reply, right) && (!writes || head.log.includes(message)))) {
      return `message ${message} is answered ${reply}, and durable is ${head.log}`;
    }
    const word = told[message];
    if (word && !isSame(word, before))
      return `message ${message} tells of ${word}, and durable is ${head.log}`;
    if (messages[message]?.place === "deleted" && !reply) return `message ${message} is deleted unanswered`;
  }
  return undefined;
}

/** In the end every message is answered and gone. */
function brokenEnd({ messages }: State): string | undefined {
  return messages.every(({ place }) => place === "deleted") ? undefined : "work is left that nobody can do";
}

function isSame(one: Log, other: Log): boolean {
  return one.length === other.length && one.every((message, index) => message === other[index]);
}
