import { randomUUID } from "node:crypto";
import { QueryCommand } from "@aws-sdk/client-dynamodb";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { createDynamoStore } from "../../runtime/adapters/aws/dynamo-store.ts";
import { systemClock } from "../../runtime/adapters/system/clock.ts";
import { randomIds } from "../../runtime/adapters/system/ids.ts";
import { actorKey } from "../../runtime/core/actor-id.ts";
import { NEW_HEAD } from "../../runtime/core/state.ts";
import type { Store } from "../../runtime/ports/store.ts";
import { describeWith } from "../endpoints/gate.ts";
import { dynamoAt, makeActorTable } from "./dynamo-table.ts";

const KEYS = 250;

describeWith(inject("dynamoDBLocal"), "rivals on one instance, on DynamoDB Local", ({ url }) => {
  const sound = dynamoAt(url);
  const table = makeActorTable(sound);

  /** A worker whose requests wait for so many of its rivals, are lost, or lose their answer, as `fates` tells, in turn. */
  const worker = async (fates: readonly number[], race: Race): Promise<Store> => {
    const client = dynamoAt(url);
    let at = 0;
    client.middlewareStack.add(
      (next) => async (args) => {
        const fate = fates[at++ % fates.length] ?? 0;
        if (fate === 1) throw new Error("lost");
        if (fate > 8) await race.letPass((fate - 8) * 6);
        race.requests++;
        const result = await next(args);
        if (fate === 2) throw new Error("answer lost");
        return result;
      },
      { step: "initialize", name: "fate" },
    );
    return createDynamoStore({ client, table: await table, ids: randomIds, clock: systemClock });
  };

  test("I1, I5: whatever is lost, the entries are those of the one commit that the head tells of", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat({ max: 14 }), { minLength: 5, maxLength: 40 }), {
          minLength: 2,
          maxLength: 3,
        }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
        async (fates, sizes) => {
          const id = { type: "T", name: randomUUID() };
          const race = new Race(fates.length);
          await Promise.all(
            fates.map(async (each, rival) => {
              const store = await worker(each, race);
              for (const [round, large] of sizes.entries()) {
                const head =
                  (await Promise.resolve(store.hydrate(id)).catch(() => "lost" as const)) ?? NEW_HEAD;
                if (head === "lost") continue;
                const text = `["${rival}/${round}"]`;
                const kept = head.inline.get("large") ?? "none";
                const generation = head.generation + (large && round % 2 ? 1 : 0);
                await store
                  .commit({
                    id,
                    expected: head.version,
                    head: {
                      ...NEW_HEAD,
                      version: head.version + 1,
                      generation,
                      spilled: true,
                      inline: new Map([
                        ["large", large ? text : kept],
                        ["small", text],
                      ]),
                    },
                    entries: new Map(
                      large ? Array.from({ length: KEYS }, (_, n) => [`k${n}`, text]) : [["small", text]],
                    ),
                  })
                  .catch(() => {});
              }
              race.running--;
            }),
          );
          const store = createDynamoStore({
            client: sound,
            table: await table,
            ids: randomIds,
            clock: systemClock,
          });
          const head = await store.hydrate(id);
          const { Items } = await sound.send(
            new QueryCommand({
              TableName: await table,
              KeyConditionExpression: "actor = :actor AND entry = :head",
              ExpressionAttributeValues: { ":actor": { S: actorKey(id) }, ":head": { S: "head" } },
            }),
          );
          expect(Items?.[0]?.journal).toBeUndefined();
          expect(Items?.[0]?.applied).toBeUndefined();
          if (!head) return;
          const range = {
            generation: head.generation,
            from: "k",
            to: undefined,
            reverse: false,
            limit: 1000,
          };
          const entries = new Map((await store.listEntries(id, range)).entries);
          entries.delete("small");
          const large = head.inline.get("large");
          if (large === "none") expect(entries.size).toBe(0);
          else {
            expect(entries.size).toBe(KEYS);
            expect(new Set(entries.values())).toEqual(new Set([large]));
          }
        },
      ),
      { numRuns: 60 },
    );
  }, 900_000);
});

/** Who waits for whom: a worker that stalls goes on when its rivals have sent some requests, or all of them stall, too. */
class Race {
  requests = 0;
  running: number;
  #stalled = 0;

  constructor(running: number) {
    this.running = running;
  }

  async letPass(requests: number): Promise<void> {
    const goOn = this.requests + requests;
    this.#stalled++;
    while (this.requests < goOn && this.#stalled < this.running) await new Promise(setImmediate);
    this.#stalled--;
  }
}
