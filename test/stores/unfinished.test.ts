import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { expect, inject, test } from "vitest";
import { findUnfinished } from "../../runtime/adapters/aws/deployed/unfinished.ts";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { NEW_HEAD } from "../../runtime/core/state.ts";
import { describeWith } from "../endpoints/gate.ts";
import { dynamoAt, makeActorTable } from "./dynamo-table.ts";

describeWith(inject("dynamoDBLocal"), "what nobody has ended in an actor table", ({ url }) => {
  const client = dynamoAt(url);
  const look = (table: string, options: { limit?: number; of?: number; place?: number } = {}) =>
    findUnfinished(client, { table, limit: 1_000, of: 0, place: 0, overdueBefore: 1_000, ...options });
  const id = (name: string) => ({ type: "Account", name });

  test("a large commit that a worker left half applied, since when; and what another one left behind", async () => {
    const table = await makeActorTable(client);
    const clock = { ...systemClock, now: () => 777 };
    const dying = dynamoAt(url);
    const store = createDynamoStore({ client: dying, table, ids: randomIds, clock });
    // It dies with the first transaction: the head names the journal, and nothing is applied.
    dying.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          if (commandName === "TransactWriteItemsCommand") throw new Error("the worker died");
          return next(args);
        },
      { step: "initialize" },
    );
    const entries = new Map(Array.from({ length: 150 }, (_, each) => [`key-${each}`, `"${each}"`]));
    const commit = (name: string) =>
      store.commit({ id: id(name), expected: 0, head: { ...NEW_HEAD, version: 1, spilled: true }, entries });
    await commit("large").catch(() => undefined);
    expect(await look(table)).toMatchObject({
      all: true,
      journals: [{ id: id("large"), since: 777 }],
      strayParts: [],
    });

    // Whoever reads it next finishes it, and nothing is left.
    const healthy = createDynamoStore({ client, table, ids: randomIds, clock: systemClock });
    expect((await healthy.hydrate(id("large")))?.version).toBe(1);
    expect(await look(table)).toMatchObject({ journals: [], strayParts: [] });

    const part = { actor: { S: "Account/large" }, entry: { S: "j/00000000009/x/000000" }, since: { N: "5" } };
    await client.send(new PutItemCommand({ TableName: table, Item: part }));
    expect(await look(table)).toMatchObject({ strayParts: [{ id: id("large"), since: 5 }] });
  });

  test("alarms that are overdue, calls under suspicion, and nothing of instances that only have such names", async () => {
    const table = await makeActorTable(client);
    const store = createDynamoStore({ client, table, ids: randomIds, clock: systemClock });
    const commit = (name: string, head: Partial<typeof NEW_HEAD>) =>
      store.commit({
        id: id(name),
        expected: 0,
        head: { ...NEW_HEAD, version: 1, ...head },
        entries: new Map(),
      });
    await commit("late", { alarm: { at: 999, retries: 1 }, wake: { at: 999, version: 1 } });
    await commit("in time", { alarm: { at: 1_000, retries: 0 } });
    await commit("poison", { trial: { id: "=call", starts: 2 } });
    // Their names are sort keys of the index.
    await commit("head", {});
    await commit("j/1", {});
    expect(await look(table)).toEqual({
      items: 10,
      all: true,
      journals: [],
      strayParts: [],
      overdue: [{ id: id("late"), alarm: { at: 999, retries: 1 }, wake: { at: 999, version: 1 } }],
      trials: [{ id: id("poison"), starts: 2 }],
    });
    for (const place of [0, 0.5, 0.99]) {
      expect(await look(table, { limit: 3, of: 10, place })).toMatchObject({ items: 3, all: false });
      const { overdue, trials } = await look(table, { limit: 5, of: 10, place });
      const rest = await look(table, { limit: 11, of: 22, place });
      expect(rest).toMatchObject({ items: 10, all: true, overdue: [{}], trials: [{}] });
      expect(overdue.length + trials.length).toBeLessThanOrEqual(2);
    }
  });
});
