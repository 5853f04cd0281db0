import type { Scenario } from "./scenario.ts";
import { idsOf, isGivenUp, type Outcomes, type Setting, type State, specOf } from "./state.ts";

/** The promise that `state` breaks, or `undefined`. */
export function brokenPromise(state: State, stuck: boolean, setting: Setting): string | undefined {
  return (
    brokenRun(state, setting) ??
    brokenReply(state, setting) ??
    brokenSend(state) ??
    brokenTrial(state, setting) ??
    (atRest(state) ? brokenRest(state, setting) : stuck ? "work is left that nobody can do" : undefined)
  );
}

/** Calls are applied at most once for ever, in the order of the mailbox. */
function brokenRun({ applied }: State, { scenario }: Setting): string | undefined {
  const calls = applied.map(([message]) => specOf(scenario, message).call);
  const twice = calls.find((call, index) => calls.indexOf(call) < index);
  if (twice !== undefined) return `call ${twice} is applied twice`;
  const early = applied.find(([message], index) => message < (applied[index - 1]?.[0] ?? -1));
  return early && `message ${early[0]} is applied after a later one`;
}

/** Nothing is answered before its commit, nothing is answered that did not happen, nothing is deleted unanswered. */
function brokenReply({ filed, applied, messages }: State, { scenario }: Setting): string | undefined {
  for (const [index, { call }] of scenario.messages.entries()) {
    const run = applied.find(([message]) => specOf(scenario, message).call === call);
    const reply = filed[call];
    if ((reply === "wrote" || reply === "sent") && run?.[1] !== reply) {
      return `call ${call} is answered "${reply}" before its commit`;
    }
    if (reply === "read" && run && !drawsLots(index, scenario)) {
      return `call ${call} is answered "read" although it is applied`;
    }
    const refused = idsOf(scenario, index).some((id) => filed[id] === "refused");
    if (refused && applied.some(([message]) => message === index)) {
      return `message ${index} is refused although it is applied`;
    }
    if (messages[index]?.place === "deleted" && !isAnswered(filed, index, { scenario })) {
      return `message ${index} is deleted unanswered`;
    }
  }
  return undefined;
}

/** The receiver runs what committed turns have sent, each once; what is not there yet lies in the head. */
function brokenSend({ applied, arrived, head }: State): string | undefined {
  const sent = applied.flatMap(([message, ending]) => (ending === "sent" ? [message] : []));
  const stray = arrived.find((message) => !sent.includes(message));
  if (stray !== undefined) return `the receiver runs what message ${stray} sent before its commit`;
  const twice = arrived.find((message, index) => arrived.indexOf(message) < index);
  if (twice !== undefined) return `the receiver runs what message ${twice} sent twice`;
  const lost = sent.find((message) => !arrived.includes(message) && !head.outbox.includes(message));
  return lost === undefined ? undefined : `what message ${lost} sent is lost`;
}

/** Only what has ended its workers is given up; none of it is ever applied; it is a dead letter, and nothing else is. */
function brokenTrial(
  { filed, applied, buried, held, messages }: State,
  { scenario }: Setting,
): string | undefined {
  const { from, starts } = scenario.trial;
  if (from === Number.POSITIVE_INFINITY) return undefined;
  for (const [index, { call, endings }] of scenario.messages.entries()) {
    const run = applied.some(([message]) => specOf(scenario, message).call === call);
    const givenUp = filed[call]?.startsWith("crashed") === true;
    if ((givenUp || buried.includes(index)) && run) return `call ${call} is given up although it is applied`;
    if (buried.includes(index) && !isGivenUp(filed, call, index)) {
      return `message ${index} is a dead letter and was not given up`;
    }
    if (givenUp && (held[call] ?? 0) < starts) return `call ${call} is given up for what others did`;
    const { place } = messages[index] ?? {};
    if (place === "deleted" && isGivenUp(filed, call, index) && !buried.includes(index)) {
      return `message ${index} is given up and no dead letter`;
    }
    if (place === "dead") {
      return `message ${index} is dead-lettered unanswered${endings.includes("kills") ? "" : ", along with another one"}`;
    }
  }
  return undefined;
}

/** Nobody works and nothing waits in the mailbox. */
function atRest({ messages, workers }: State): boolean {
  return (
    workers.every(({ at }) => at === "idle") &&
    messages.every(({ place }) => place !== "queued" && place !== "held")
  );
}

/** In the end every attempt that the queue took is answered, and every message sent has arrived, unless something was dead-lettered. */
function brokenRest({ messages, filed, head, mishaps }: State, setting: Setting): string | undefined {
  const dropped = messages.findIndex(({ place }) => place === "dropped");
  if (dropped >= 0 && !isAnswered(filed, dropped, setting)) {
    return `message ${dropped} was taken by the queue and is never answered`;
  }
  const left = head.outbox.find((message) => !drawsLots(message, setting.scenario));
  const errand = mishaps.errands < setting.scenario.errands;
  // What nobody waits for any more is given up, and what it owes waits for the next call, or the next start.
  const givenUp = messages.some(({ place }) => place === "dead" || place === "gone");
  if (left !== undefined && !errand && !givenUp) {
    return `what message ${left} sent stays in the outbox with nobody to send it`;
  }
  return undefined;
}

/**
 * Whether two runs of a plain call may both go on and end differently, one of them without a commit. A known limit: callers see the
 * first answer, and what the other run sent waits for the next one who hydrates.
 */
function drawsLots(message: number, scenario: Scenario): boolean {
  const { kept, endings } = specOf(scenario, message);
  const { expiries, lostReplies, lateCommits, unknownCommits } = scenario;
  const oneRunner = expiries === 0 && lostReplies === 0 && !(lateCommits && unknownCommits > 0);
  return !kept && !oneRunner && endings.includes("read") && endings.some((ending) => ending !== "read");
}

function isAnswered(filed: Outcomes, message: number, { scenario }: Pick<Setting, "scenario">): boolean {
  return idsOf(scenario, message).some((id) => filed[id]);
}
