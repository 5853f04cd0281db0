import { expect, inject, test } from "vitest";
import { createDynamoReplies } from "../../runtime/adapters/aws/dynamo-replies.ts";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { Activations } from "../../runtime/core/activation.ts";
import { runBatch } from "../../runtime/core/batch.ts";
import { describeWith } from "../endpoints/gate.ts";
import { Script, type Step } from "../projects/probe/src/script.ts";
import { delivery, testDeps, UNLIMITED } from "../unit/core/fixtures.ts";
import { type Consumed, meter } from "./capacity.ts";
import { dynamoAt, makeActorTable, makeReplyTable } from "./dynamo-table.ts";

const value = "v".repeat(100);
const large = "v".repeat(1000);

/** What DynamoDB Local says that a call costs, state only: budgets that README and ARCHITECTURE state. */
describeWith(inject("dynamoDBLocal"), "capacity on DynamoDB Local", ({ url }) => {
  const start = async () => {
    const client = dynamoAt(url);
    const store = createDynamoStore({
      client,
      table: await makeActorTable(client),
      ids: randomIds,
      clock: systemClock,
    });
    const metered = meter(client);
    const deps = { ...testDeps({ Script }), store };
    const call = async (name: string, method: string, args: unknown[], activations = new Activations(1)) => {
      const to = { type: "Script", name };
      metered.take();
      const unfinished = await runBatch(to, [delivery(to, method, ...args)], {
        times: UNLIMITED,
        deps: { ...deps, activations },
      });
      expect(unfinished).toEqual([]);
      return metered.take();
    };
    const steps = (name: string, ...each: Step[]) => call(name, "run", [each]);
    return { call, steps };
  };
  const put = (count: number, text = value): Step[] =>
    Array.from({ length: count }, (_, n) => ["put", `key-${n}`, text]);

  test("small instances: one read unit for the head, one write unit for what changed in it", async () => {
    const { steps } = await start();
    const table: Record<string, Consumed> = {
      "the first put": await steps("small", ...put(3)),
      "get, hit": await steps("small", ["get", "key-1"]),
      "get, miss": await steps("small", ["get", "nothing"]),
      "put of 100 B": await steps("small", ["put", "key-1", value]),
      delete: await steps("small", ["delete", "key-1"]),
      "10 puts of 20 B": await steps("small", ...put(10, "v".repeat(20))),
      list: await steps("small", ["list"]),
    };
    expect(table).toEqual({
      // The name comes into the index before the head is there.
      "the first put": { requests: 3, read: 1, write: 2 },
      "get, hit": { requests: 1, read: 1, write: 0 },
      "get, miss": { requests: 1, read: 1, write: 0 },
      "put of 100 B": { requests: 2, read: 1, write: 1 },
      delete: { requests: 2, read: 1, write: 1 },
      "10 puts of 20 B": { requests: 2, read: 1, write: 1 },
      list: { requests: 1, read: 1, write: 0 },
    });
  });

  test("large instances: entries of their own, in one transaction up to 99 of them", async () => {
    const { call, steps } = await start();
    await call("large", "fill", [10_000, 50]);
    await call("large", "run", [[["get", "k000000"]]]);
    const table: Record<string, Consumed> = {
      "get of an entry, hit": await steps("large", ["get", "k000500"]),
      "20 puts of 1 KB, a new instance": await steps("twenty", ...put(20, large)),
      "list of 1000": await steps("large", ["list", { limit: 1000 }]),
      "deleteAll of 10,000 keys": await steps("large", ["deleteAll"]),
    };
    if (process.env.SHOW_CAPACITY) console.table(table);
    expect(table["get of an entry, hit"]).toEqual({ requests: 3, read: 3, write: 0 });
    // DynamoDB Local counts a transaction once, AWS twice.
    expect(table["20 puts of 1 KB, a new instance"]).toEqual({ requests: 3, read: 1, write: 25 });
    expect(table["list of 1000"]?.requests).toBe(3);
    expect(table["list of 1000"]?.write).toBe(0);
    expect(table["list of 1000"]?.read).toBeLessThanOrEqual(30);
    // One commit of the head (4 KB before it); what lies behind it is cleared away 200 entries a batch.
    expect(table["deleteAll of 10,000 keys"]?.write).toBeLessThanOrEqual(4 + 200);
    expect(table["deleteAll of 10,000 keys"]?.requests).toBe(1 + 1 + 1 + 8);
  });

  test("a reply of up to 1 KB is one write unit", async () => {
    const client = dynamoAt(url);
    const table = await makeReplyTable(client);
    const metered = meter(client);
    const replies = createDynamoReplies({
      client,
      table,
      clock: systemClock,
      ids: randomIds,
      retentionMs: 60_000,
    });
    await replies.write("a".repeat(22), `+["${"x".repeat(900)}"]`);
    expect(metered.take()).toEqual({ requests: 1, read: 0, write: 1 });
  });
});
