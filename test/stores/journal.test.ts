import { randomUUID } from "node:crypto";
import { type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, inject, test } from "vitest";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { actorKey } from "../../runtime/core/actor-id.ts";
import { NEW_HEAD } from "../../runtime/core/state.ts";
import type { ActorId } from "../../runtime/ports/mailbox.ts";
import type { Commit, Store } from "../../runtime/ports/store.ts";
import { describeWith } from "../endpoints/gate.ts";
import { dynamoAt, makeActorTable } from "./dynamo-table.ts";

/** Larger than one transaction in both ways: 150 entries. */
const KEYS = 150;

describeWith(
  inject("dynamoDBLocal"),
  "I5: a commit too large for one transaction, on DynamoDB Local",
  ({ url }) => {
    const client = dynamoAt(url);
    const tableName = makeActorTable(client);
    const storeWith = async (using: DynamoDBClient) =>
      createDynamoStore({ client: using, table: await tableName, ids: randomIds, clock: systemClock });

    /** The instance as it was before the large commit: half of the keys, and one that the commit removes. */
    const prepare = async (): Promise<{ id: ActorId; store: Store }> => {
      const id = { type: "T", name: randomUUID() };
      const store = await storeWith(client);
      const entries = new Map(Array.from({ length: 90 }, (_, n) => [keyOf(n), '["old"]']));
      entries.set("removed", '["old"]');
      await store.commit({ id, expected: 0, head: { ...NEW_HEAD, version: 1, spilled: true }, entries });
      return { id, store };
    };

    const large = (id: ActorId, expected: number, text = '["new"]'): Commit => {
      const entries = new Map<string, string | undefined>(
        Array.from({ length: KEYS }, (_, n) => [keyOf(n), text]),
      );
      entries.set("removed", undefined);
      return {
        id,
        expected,
        head: { ...NEW_HEAD, version: expected + 1, spilled: true, inline: new Map([["state", text]]) },
        entries,
      };
    };

    const readAll = async (store: Store, id: ActorId) => {
      const head = await store.hydrate(id);
      const range = { generation: 0, from: "", to: undefined, reverse: false, limit: 1000 };
      const { entries } = await store.listEntries(id, range);
      return { version: head?.version, inline: head?.inline.get("state"), entries: new Map(entries) };
    };

    const expectAllOrNothing = async (store: Store, id: ActorId) => {
      const { version, inline, entries } = await readAll(store, id);
      if (version === 1) {
        expect(inline).toBeUndefined();
        expect(entries.size).toBe(91);
        expect(new Set(entries.values())).toEqual(new Set(['["old"]']));
      } else {
        expect(version).toBe(2);
        expect(inline).toBe('["new"]');
        expect(entries.size).toBe(KEYS);
        expect(new Set(entries.values())).toEqual(new Set(['["new"]']));
      }
      return version;
    };

    const journalItems = async (id: ActorId) => {
      const { Count } = await client.send(
        new QueryCommand({
          TableName: await tableName,
          KeyConditionExpression: "actor = :actor AND begins_with(entry, :j)",
          ExpressionAttributeValues: { ":actor": { S: actorKey(id) }, ":j": { S: "j/" } },
          ConsistentRead: true,
        }),
      );
      return Count;
    };

    test("lands whole, and leaves no journal behind", async () => {
      const { id, store } = await prepare();
      expect(await store.commit(large(id, 1))).toEqual({ status: "committed" });
      expect(await expectAllOrNothing(store, id)).toBe(2);
      expect(await journalItems(id)).toBe(0);
    });

    test("I1: is fenced like any other, and writes nothing", async () => {
      const { id, store } = await prepare();
      expect(await store.commit(large(id, 5))).toEqual({ status: "fenced" });
      expect(await expectAllOrNothing(store, id)).toBe(1);
    });

    describe.each(["before", "after"] as const)("a worker that dies %s its nth request", (when) => {
      test("leaves all or nothing to the next one, which can go on", async () => {
        const outcomes: (number | undefined)[] = [];
        for (let dieAt = 1; ; dieAt++) {
          const { id, store } = await prepare();
          const doomed = mortal(url, { dieAt, when });
          const dying = (await storeWith(doomed.client)).commit(large(id, 1));
          const ended = await dying.then(
            () => "committed",
            (error: Error) => error.message,
          );
          outcomes.push(await expectAllOrNothing(store, id));
          const next = (await store.hydrate(id))?.version ?? 0;
          expect(await store.commit(large(id, next, '["next"]'))).toEqual({ status: "committed" });
          const { entries } = await readAll(store, id);
          expect(new Set(entries.values())).toEqual(new Set(['["next"]']));
          expect(await journalItems(id)).toBe(0);
          if (ended === "committed") break;
          expect(ended).toBe("died");
        }
        // Both sides of the commit point were hit.
        expect(new Set(outcomes)).toEqual(new Set([1, 2]));
        expect(outcomes.length).toBeGreaterThan(5);
      });
    });

    test("a worker that stalls while it applies can't write over what came after", async () => {
      const { id, store } = await prepare();
      const stalled = mortal(url, { dieAt: 3, when: "stall" });
      const late = (await storeWith(stalled.client)).commit(large(id, 1));
      await stalled.stalling;
      expect(await expectAllOrNothing(store, id)).toBe(2);
      await store.commit(large(id, 2, '["newer"]'));
      stalled.goOn();
      expect(await late).toEqual({ status: "committed" });
      const { version, entries } = await readAll(store, id);
      expect(version).toBe(3);
      expect(new Set(entries.values())).toEqual(new Set(['["newer"]']));
    });
  },
);

function keyOf(n: number): string {
  return `k${String(n).padStart(3, "0")}`;
}

/** A client that dies before or after its nth request, or stalls before it until told to go on. */
function mortal(url: string, { dieAt, when }: { dieAt: number; when: "before" | "after" | "stall" }) {
  const client = dynamoAt(url);
  let requests = 0;
  let goOn = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let stall = () => {};
  const stalling = new Promise<void>((resolve) => {
    stall = resolve;
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      const fatal = ++requests >= dieAt;
      if (fatal && when === "before") throw new Error("died");
      if (requests === dieAt && when === "stall") {
        stall();
        await gate;
      }
      const result = await next(args);
      if (fatal && when === "after") throw new Error("died");
      return result;
    },
    { step: "initialize", name: "mortal" },
  );
  return { client, stalling, goOn: () => goOn() };
}
