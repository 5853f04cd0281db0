import { expect, test } from "vitest";
import { createFrontDoor } from "../../../handlers/front-door.ts";
import {
  ENVELOPE_TYPE,
  ENVELOPES_PATH,
  SENT_AT_HEADER,
} from "../../../runtime/adapters/http/envelope-protocol.ts";
import { createCaller } from "../../../runtime/core/caller.ts";
import type { Env } from "../../../runtime/core/stateful-actor.ts";
import { StatefulActor } from "../../../runtime/index.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import { StepClock } from "../core/fixtures.ts";

class Account extends StatefulActor<unknown> {
  async debit() {}
}

/** A door whose calls are never answered. */
function start() {
  const problems: string[] = [];
  const withdrawn: Envelope[] = [];
  const clock = new StepClock();
  const sent: Envelope[] = [];
  const mailbox = {
    send: async (envelope: Envelope) => void sent.push(envelope),
    withdraw: (envelope: Envelope) => void withdrawn.push(envelope),
  };
  // Held, as a timer holds what waits: nothing else would keep the request, and with it its signal.
  const waiting: unknown[] = [];
  const replies = { wait: () => new Promise<undefined>((resolve) => void waiting.push(resolve)) };
  const door = createFrontDoor({
    handler: undefined,
    env: {} as Env,
    types: new Set(["Account"]),
    caller: createCaller({
      actors: new Map([["Account", Account]]),
      routeTo: () => ({ mailbox, replies }),
      clock,
      ids: { next: () => "id" },
      callWaitMs: 1000,
    }),
    envelopes: ({ signal }) =>
      new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      }),
    requestWaitMs: 1000,
    clock,
    telemetry: { problem: (what) => void problems.push(what), count: () => {} },
  });
  return { door, problems, withdrawn, sent, waiting };
}

test("a client that hangs up takes its call back, and that is nobody's failure", async () => {
  const { door, problems, withdrawn, sent } = start();
  const gone = new AbortController();
  const answer = door.fetch(
    new Request("http://door/Account/alice/debit", { method: "POST", signal: gone.signal }),
  );
  await expect.poll(() => sent).toHaveLength(1);
  gone.abort("Client connection prematurely closed.");
  expect((await answer).status).toBe(499);
  expect([withdrawn, problems]).toEqual([sent, []]);
});

test("an envelope's sender that hangs up is nobody's failure either", async () => {
  const { door, problems } = start();
  const gone = new AbortController();
  const headers = { "content-type": ENVELOPE_TYPE, [SENT_AT_HEADER]: "1" };
  const init = { method: "POST", headers, body: "{}", signal: gone.signal };
  const answer = door.fetch(new Request(`http://door${ENVELOPES_PATH}`, init));
  setImmediate(() => gone.abort("Client connection prematurely closed."));
  expect((await answer).status).toBe(499);
  expect(problems).toEqual([]);
});
