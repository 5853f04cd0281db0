import { randomUUID } from "node:crypto";
import {
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  TransactionCanceledException,
} from "@aws-sdk/client-dynamodb";
import { expect, inject, test } from "vitest";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { actorKey } from "../../runtime/core/actor-id.ts";
import { NEW_HEAD } from "../../runtime/core/state.ts";
import type { ActorId } from "../../runtime/ports/mailbox.ts";
import type { Commit } from "../../runtime/ports/store.ts";
import { describeWith } from "../endpoints/gate.ts";
import { dynamoAt, makeActorTable } from "./dynamo-table.ts";

const KEYS = 1000;

describeWith(
  inject("dynamoDBLocal"),
  "what DynamoDB turns away for a moment, on DynamoDB Local",
  ({ url }) => {
    const sound = dynamoAt(url);
    const table = makeActorTable(sound);
    const storeWith = async (client: DynamoDBClient) =>
      createDynamoStore({ client, table: await table, ids: randomIds, clock: systemClock });

    const parts = async (id: ActorId) => {
      const { Count } = await sound.send(
        new QueryCommand({
          TableName: await table,
          KeyConditionExpression: "actor = :actor AND begins_with(entry, :j)",
          ExpressionAttributeValues: { ":actor": { S: actorKey(id) }, ":j": { S: "j/" } },
          ConsistentRead: true,
        }),
      );
      return Count;
    };

    test("I5: a journal that is applied only a few transactions at a time gets applied in the end", async () => {
      const id = fresh();
      const first = (await storeWith(throttled(url, { after: 3 }))).commit(large(id));
      await first.catch(() => {});
      let head: unknown;
      for (let hydrations = 0; head === undefined && hydrations < 6; hydrations++) {
        const store = await storeWith(throttled(url, { after: 3 }));
        head = await Promise.resolve(store.hydrate(id)).catch(() => undefined);
      }
      expect(head).toMatchObject({ version: 1 });
      const range = { generation: 0, from: "", to: undefined, reverse: false, limit: KEYS + 1 };
      const { entries } = await (await storeWith(sound)).listEntries(id, range);
      expect(new Map(entries)).toEqual(large(id).entries);
    });

    test.each([
      ["of one transaction", 5],
      ["of any size", KEYS],
    ])("a conflict or a moment of throttling does not fail a commit %s", async (_, keys) => {
      const id = fresh();
      const store = await storeWith(throttled(url, { after: 0, times: 2 }));
      expect(await store.commit(large(id, keys))).toEqual({ status: "committed" });
      expect((await store.hydrate(id))?.version).toBe(1);
    });

    test("who finishes another's commit removes its parts", async () => {
      const id = fresh();
      await (await storeWith(throttled(url, { after: 1 }))).commit(large(id)).catch(() => {});
      expect(await parts(id)).toBeGreaterThan(0);
      expect((await (await storeWith(sound)).hydrate(id))?.version).toBe(1);
      expect(await parts(id)).toBe(0);
    });

    test("a head of a newer format is refused before anything of it is applied", async () => {
      const id = fresh();
      const store = await storeWith(sound);
      await (await storeWith(throttled(url, { after: 0 }))).commit(large(id)).catch(() => {});
      const key = { actor: { S: actorKey(id) }, entry: { S: "head" } };
      const page = await sound.send(
        new QueryCommand({
          TableName: await table,
          KeyConditionExpression: "actor = :actor AND entry = :head",
          ExpressionAttributeValues: { ":actor": key.actor, ":head": key.entry },
          ConsistentRead: true,
        }),
      );
      const head = page.Items?.[0];
      expect(head?.journal).toBeDefined();
      await sound.send(
        new PutItemCommand({ TableName: await table, Item: { ...head, ...key, format: { N: "99" } } }),
      );
      await expect(store.hydrate(id)).rejects.toThrow("a stored head has the format 99");
      expect(await store.readEntry(id, 0, "k0000")).toBeUndefined();
    });

    test("what a deleteAll removed does not live on in the parts of a commit that died", async () => {
      const id = fresh();
      const store = await storeWith(sound);
      await store.commit({ id, expected: 0, head: { ...NEW_HEAD, version: 1 }, entries: new Map() });
      await (await storeWith(dyingBeforeFlip(url))).commit({ ...large(id), expected: 1 }).catch(() => {});
      expect(await parts(id)).toBeGreaterThan(0);
      const head = { ...NEW_HEAD, version: 2, generation: 1 };
      expect(await store.commit({ id, expected: 1, head, entries: new Map() })).toEqual({
        status: "committed",
      });
      while (!(await store.sweep(id, head, 200)));
      expect(await parts(id)).toBe(0);
    });

    test("writing the parts ends with the first failure: nothing is sent after it", async () => {
      const client = dynamoAt(url);
      let sent = 0;
      client.middlewareStack.add(
        (next) => async (args) => {
          if (++sent === 2) throw new Error("out of reach");
          return next(args);
        },
        { step: "initialize", name: "failing" },
      );
      const id = fresh();
      const entries = new Map(Array.from({ length: 30 }, (_, n) => [`k${n}`, "x".repeat(190_000)]));
      const doomed = { id, expected: 0, head: { ...NEW_HEAD, version: 1, spilled: true }, entries };
      await expect((await storeWith(client)).commit(doomed)).rejects.toThrow("out of reach");
      const before = sent;
      // Everything that was on its way arrives before this does.
      for (let n = 0; n < 20; n++) await parts(id);
      expect(sent).toBe(before);
    });
  },
);

function fresh(): ActorId {
  return { type: "T", name: randomUUID() };
}

function large(id: ActorId, keys = KEYS): Commit {
  const entries = new Map(
    Array.from({ length: keys }, (_, n) => [`k${String(n).padStart(4, "0")}`, `[${n}]`]),
  );
  return { id, expected: 0, head: { ...NEW_HEAD, version: 1, spilled: true }, entries };
}

/** Lets so many transactions pass, then turns `times` of them away as DynamoDB does. */
function throttled(
  url: string,
  { after, times = Number.POSITIVE_INFINITY }: { after: number; times?: number },
) {
  const client = dynamoAt(url);
  let seen = 0;
  let refused = 0;
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const transaction = context.commandName === "TransactWriteItemsCommand";
      if (transaction && ++seen > after && refused < times) {
        const Code = refused++ % 2 === 0 ? "TransactionConflict" : "ThrottlingError";
        throw new TransactionCanceledException({
          message: Code,
          $metadata: {},
          CancellationReasons: [{ Code: "None" }, { Code }],
        });
      }
      return next(args);
    },
    { step: "initialize", name: "throttled" },
  );
  return client;
}

function dyingBeforeFlip(url: string) {
  const client = dynamoAt(url);
  client.middlewareStack.add(
    (next) => async (args) => {
      const input = args.input as { Item?: { entry?: { S?: string } } };
      if (input.Item?.entry?.S === "head") throw new Error("died");
      return next(args);
    },
    { step: "initialize", name: "dying" },
  );
  return client;
}
