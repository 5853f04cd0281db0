import { describe, expect, test } from "vitest";
import { surviveStrayRejections } from "../../../handlers/stray-rejections.ts";
import { runBatch } from "../../../runtime/core/batch.ts";
import { ActorError, StatefulActor } from "../../../runtime/index.ts";
import { delivery, testDeps, UNLIMITED } from "./fixtures.ts";

class Own extends ActorError {
  readonly effect = "failed";
}

const fail = (message: string) => () => {
  throw new Error(message);
};

const thrown: Record<string, () => unknown> = {
  "an error whose stack can't be read": () =>
    Object.defineProperty(new Error("no"), "stack", { get: fail("prepareStackTrace broke") }),
  "a proxy that answers nothing": () => new Proxy({}, { getPrototypeOf: fail("no prototype") }),
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  "a runtime error with a message that is no text": () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    return Object.assign(new Own("x"), { message: circular });
  },
  "a runtime error whose name throws": () =>
    Object.defineProperty(new Own("x"), "name", { get: fail("no name") }),
};

class Thrower extends StatefulActor<unknown> {
  async add(amount: number) {
    const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
  async hurl(what: string) {
    throw thrown[what]?.();
  }
  async answer(what: string) {
    return {
      get field() {
        throw thrown[what]?.();
      },
    };
  }
}
const thrower = { type: "Thrower", name: "one" };

describe("I5: whatever a turn throws, it ends alone and the others of its batch go on", () => {
  const ways = Object.keys(thrown).flatMap((what) => [
    [what, "hurl"],
    [what, "answer"],
  ]);
  test.each(ways)("%s, by %s", async (what = "", method = "") => {
    const deps = testDeps({ Thrower });
    const batch = [delivery(thrower, "add", 1), delivery(thrower, method, what), delivery(thrower, "add", 1)];
    expect(await runBatch(thrower, batch, { times: UNLIMITED, deps })).toEqual([]);
    const names = method === "hurl" ? /^ActorMethodError$/ : /^(ActorMethodError|CodecError)$/;
    const outcomes = batch.map(({ envelope }) => deps.replies.outcome(envelope.id));
    expect(outcomes).toMatchObject([
      { ok: true, result: "[1]" },
      { ok: false, error: { name: expect.stringMatching(names), message: expect.any(String) } },
      { ok: true, result: "[2]" },
    ]);
  });

  test.each(Object.keys(thrown))("%s, as a stray rejection", (what) => {
    const problems: string[] = [];
    const before = process.listeners("unhandledRejection");
    const forget = surviveStrayRejections({ problem: (text) => void problems.push(text), count: () => {} });
    const [listener] = process.listeners("unhandledRejection").filter((each) => !before.includes(each));
    try {
      listener?.(thrown[what]?.(), Promise.resolve());
    } finally {
      forget();
    }
    expect(problems).toEqual(["stray rejection"]);
  });
});
