import { expect, test } from "vitest";
import { startActors, type TestOptions } from "../../../handlers/testing.ts";
import type { ActorClass } from "../../../runtime/core/method.ts";
import { type ActorNamespace, env, StatefulActor } from "../../../runtime/index.ts";
import { Session } from "./session.ts";
import { start } from "./start.ts";

class OrderLine extends StatefulActor {
  async add(amount: number) {
    const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
}

class Shop extends StatefulActor<Record<string, ActorNamespace<OrderLine>>> {
  async sell(binding: string, amount: number) {
    return this.env[binding]?.idFromName("line").add(amount);
  }
  async bindings() {
    return Object.keys(this.env);
  }
  async sellAmbient(amount: number) {
    return (env as unknown as Record<string, ActorNamespace<OrderLine>>).ORDER_LINE?.idFromName("line").add(
      amount,
    );
  }
}

test("an instance is reached by its class or by the name of its type, and keeps its state", async () => {
  const actors = await start({ OrderLine });
  expect(await actors.namespace(OrderLine).idFromName("line").add(2)).toBe(2);
  expect(await actors.namespace<OrderLine>("OrderLine").idFromName("line").add(3)).toBe(5);
  // The type is the name it was given.
  const renamed = await start({ Line: OrderLine });
  expect(await renamed.namespace(OrderLine).idFromName("line").add(1)).toBe(1);
  expect(String(renamed.namespace(OrderLine).idFromName("line"))).toBe("Line/line");
});

test("an actor finds the others in env under their types in capitals", async () => {
  const actors = await start({ OrderLine, Shop, HTTPLog: OrderLine });
  const shop = actors.namespace(Shop).idFromName("shop");
  expect(await shop.bindings()).toEqual(["ORDER_LINE", "SHOP", "HTTP_LOG"]);
  expect(await shop.sell("ORDER_LINE", 4)).toBe(4);
  expect((actors.env as Record<string, unknown>).ORDER_LINE).toBe(actors.namespace("OrderLine"));
});

test("bindings name them otherwise", async () => {
  const actors = await start({ OrderLine, Shop }, { bindings: { LINES: "OrderLine" } });
  const shop = actors.namespace(Shop).idFromName("shop");
  expect(await shop.bindings()).toEqual(["LINES"]);
  expect(await shop.sell("LINES", 4)).toBe(4);
});

test("two side by side share neither state nor time nor env", async () => {
  const [first, second] = [
    await start({ Shop, OrderLine, Session }),
    await start({ Shop, OrderLine, Session }),
  ];
  const shopOf = (actors: typeof first) => actors.namespace(Shop).idFromName("shop");
  expect(await shopOf(first).sell("ORDER_LINE", 1)).toBe(1);
  expect(await shopOf(second).sell("ORDER_LINE", 10)).toBe(10);
  expect(await shopOf(first).sell("ORDER_LINE", 1)).toBe(2);
  const sessions = [first, second].map((actors) => actors.namespace(Session).idFromName("s1"));
  await Promise.all(sessions.map((session) => session.touch()));
  const due = first.now() + 300_000;
  await Promise.all([first.advance("5m"), second.advance("4m")]);
  expect(await Promise.all(sessions.map((session) => session.expired()))).toEqual([due, undefined]);
});

test("the env that code imports is that of the actors started last, and empty once they have stopped", async () => {
  const [first, second] = [await start({ Shop, OrderLine }), await start({ Shop, OrderLine })];
  expect(await first.namespace(Shop).idFromName("shop").sellAmbient(3)).toBe(3);
  expect(await second.namespace(OrderLine).idFromName("line").add(0)).toBe(3);
  await second.stop();
  expect(Object.keys(env)).toEqual([]);
});

test("after stop every call and advance is refused, and what was due never happens", async () => {
  const actors = await start({ Session });
  const session = actors.namespace(Session).idFromName("s1");
  await session.touch();
  const last = session.expired();
  await Promise.all([actors.stop(), actors.stop()]);
  expect(await last).toBeUndefined();
  const refusal = { name: "ActorConnectionError", message: /^these actors were stopped/ };
  await expect(session.touch()).rejects.toMatchObject({ name: refusal.name });
  await expect(session.send.touch()).rejects.toThrow(refusal.message);
  await expect(actors.advance("1h")).rejects.toThrow(refusal.message);
});

test("stop lets what is under way end, with all its calls", async () => {
  const actors = await start({ Shop, OrderLine });
  const sale = actors.namespace(Shop).idFromName("shop").sell("ORDER_LINE", 4);
  await actors.stop();
  expect(await sale).toBe(4);
});

test("problems are told to whoever asks for them", async () => {
  class Broken extends StatefulActor {
    async fail() {
      throw new Error("out of order");
    }
  }
  const told: unknown[] = [];
  const actors = await start({ Broken }, { onProblem: (what, detail) => told.push([what, detail]) });
  await expect(actors.namespace(Broken).idFromName("one").fail()).rejects.toThrow("out of order");
  expect(told).toEqual([
    ["turn failed", expect.objectContaining({ type: "Broken", reason: "out of order" })],
  ]);
});

class Plain {}

test.each<[string, unknown, TestOptions, RegExp]>([
  ["no actors", {}, {}, /startActors\(\{ Session \}\)$/],
  ["nothing", undefined, {}, /startActors\(\{ Session \}\)$/],
  ["a class of another kind", { Plain }, {}, /^the actor Plain must be a class that extends StatefulActor/],
  [
    "a binding to an unknown type",
    { Session },
    { bindings: { S: "Sesion" } },
    /bind S to "Sesion".*there is: Session$/,
  ],
  ["no time", { Session }, { now: Number.NaN }, /^now must be a Date or a whole number of ms.*not NaN/],
  ["an invalid Date", { Session }, { now: new Date("soon") }, /^now must be a Date/],
  ["no patience", { Session }, { patience: -1 }, /^-1 is no duration/],
])("startActors refuses %s", async (_, actors, options, message) => {
  const { Date: before } = globalThis;
  const started = startActors(actors as Record<string, ActorClass>, options);
  await expect(started).rejects.toThrow(TypeError);
  await expect(started).rejects.toThrow(message);
  expect(globalThis.Date).toBe(before);
});

test("namespace refuses what was not started, or is not one actor", async () => {
  const actors = await start({ Session, A: OrderLine, B: OrderLine });
  expect(() => actors.namespace(Shop)).toThrow("no actor Shop was started here; there is: Session, A, B");
  expect(() => actors.namespace("Sesion")).toThrow(
    'no actor "Sesion" was started here; there is: Session, A, B',
  );
  expect(() => actors.namespace(OrderLine)).toThrow(
    'the class OrderLine was started as A and B; name the type instead: namespace("A")',
  );
});
