import { expect, test } from "vitest";
import { runBatch } from "../../../runtime/core/batch.ts";
import { StatefulActor } from "../../../runtime/core/stateful-actor.ts";
import { wakeEnvelope } from "../../../runtime/core/wake.ts";
import type { Envelope } from "../../../runtime/ports/mailbox.ts";
import type { TurnObserver } from "../../../runtime/ports/turn-observer.ts";
import { delivery, testDeps, UNLIMITED } from "./fixtures.ts";

class Ledger extends StatefulActor {
  async add(entry: number) {
    await this.ctx.storage.put("last", entry);
  }
  async last() {
    return this.ctx.storage.get("last");
  }
  async fail() {
    throw new Error("no");
  }
  async wakeAt(at: number) {
    await this.ctx.storage.setAlarm(at);
  }
  override async alarm() {
    throw new Error("no alarm");
  }
}

const ID = { type: "Ledger", name: "a" };

/** An observer that writes down all that it is told. */
function notes(): { readonly observer: TurnObserver; readonly told: string[] } {
  const told: string[] = [];
  const observer: TurnObserver = {
    began({ call }: Envelope) {
      told.push(`${call.method} began`);
      return {
        ended: ({ error, ran }) =>
          told.push(`${call.method} ended: ${error?.name ?? "ok"}${ran ? "" : ", refused"}`),
        durable: (version) => told.push(`${call.method} durable: ${version}`),
      };
    },
  };
  return { observer, told };
}

test("is told of each turn: its beginning, its end, and the version that has what it changed", async () => {
  const { observer, told } = notes();
  const deps = { ...testDeps({ Ledger }), observer };
  const run = async (...methods: [string, ...unknown[]][]) =>
    runBatch(
      ID,
      methods.map(([method, ...args]) => delivery(ID, method, ...args)),
      { times: UNLIMITED, deps },
    );
  await run(["add", 1]);
  await run(["last"]);
  await run(["fail"], ["_private"]);
  expect(told).toEqual([
    "add began",
    "add ended: ok",
    "add durable: 1",
    "last began",
    "last ended: ok",
    "last durable: 1",
    "fail began",
    "fail ended: ActorMethodError",
    "_private began",
    "_private ended: ActorPrivateMethodError, refused",
    "fail durable: 2",
    "_private durable: 2",
  ]);
});

test("is told of an alarm that fails", async () => {
  const { observer, told } = notes();
  const deps = { ...testDeps({ Ledger }), observer };
  const at = deps.clock.now();
  await runBatch(ID, [delivery(ID, "wakeAt", at)], { times: UNLIMITED, deps });
  const wake = deps.armed[0]?.wake ?? { at, version: 1 };
  const woken = { ...delivery(ID, "alarm"), envelope: wakeEnvelope(ID, wake) };
  await runBatch(ID, [woken], { times: UNLIMITED, deps });
  expect(told.slice(3)).toEqual(["alarm began", "alarm ended: ActorMethodError", "alarm durable: 2"]);
});

test("a turn whose commit is lost to a rival is durable only when it has been run again", async () => {
  const { observer, told } = notes();
  const deps = { ...testDeps({ Ledger }), observer };
  const { commit } = deps.store;
  let rival = 1;
  deps.store.commit = async (plan) => {
    if (rival-- > 0) await commit({ ...plan, head: { ...plan.head, settled: new Map(), mark: undefined } });
    return commit(plan);
  };
  await runBatch(ID, [delivery(ID, "add", 1)], { times: UNLIMITED, deps });
  expect(told).toEqual(["add began", "add ended: ok", "add began", "add ended: ok", "add durable: 2"]);
});
