import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import * as account from "../../examples/account/src/index.ts";
import { type EmbeddedServer, startEmbedded } from "../../handlers/embedded.ts";
import { ActorCallTimeoutError, connect } from "../../runtime/client.ts";
import { describeLostAnswers } from "../acceptance/lost-answers-suite.ts";
import { startProxy } from "../acceptance/proxy.ts";

const folder = mkdtempSync(join(tmpdir(), "lost-"));
let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded({
    module: { ...account },
    actors: [{ binding: "ACCOUNT", type: "Account" }],
    stateFile: join(folder, "state.sqlite"),
    port: 0,
    host: "127.0.0.1",
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const address = () => ({
  endpoint: server.url.replace("localhost", "127.0.0.1"),
  host: new URL(server.url).host,
});

describeLostAnswers("embedded", address);

describe("lost answers: client over HTTP", () => {
  /** Accounts behind a connection that loses answers. */
  const accountsWhere = async (lose: () => boolean) => {
    const proxy = await startProxy(address(), lose);
    onTestFinished(() => proxy.stop());
    return { proxy, accounts: connect({ url: proxy.url }).namespace<account.Account>("Account") };
  };
  const unknown = (error: unknown): string | undefined => {
    expect(error).toBeInstanceOf(ActorCallTimeoutError);
    return (error as ActorCallTimeoutError).envelopeId;
  };

  test("200 callers repeat one keyed deposit until they are answered: it is applied once", async () => {
    let answers = 0;
    const { proxy, accounts } = await accountsWhere(() => answers++ < 200 || Math.random() < 0.3);
    const stub = accounts.idFromName("keyed").with({ idempotencyKey: "one" });
    const deposit = async (): Promise<number> => {
      for (;;) {
        try {
          return await stub.deposit(10);
        } catch (error) {
          unknown(error);
        }
      }
    };
    expect(await Promise.all(Array.from({ length: 200 }, deposit))).toEqual(Array(200).fill(10));
    expect(proxy.lost()).toBeGreaterThanOrEqual(200);
    expect(
      await connect({ url: server.url }).namespace<account.Account>("Account").idFromName("keyed").balance(),
    ).toBe(10);
  });

  test("a call without a key is asked for again by the id that its error tells, and is not run again", async () => {
    let answers = 0;
    const { accounts } = await accountsWhere(() => answers++ < 2);
    const stub = accounts.idFromName("asked again");
    const envelopeId = unknown(await stub.deposit(7).catch((error: unknown) => error));
    if (envelopeId === undefined) throw new Error("the error tells no envelope id");
    const again = stub.with({ envelopeId });
    // Lost a second time, under the same id.
    expect(unknown(await again.deposit(7).catch((error: unknown) => error))).toBe(envelopeId);
    expect(await again.deposit(7)).toBe(7);
    expect(await stub.balance()).toBe(7);
  });
});
