import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Account } from "../../../examples/account/src/account.ts";
import door from "../../../examples/balance-reader/src/index.ts";
import { isActorClass } from "../../../handlers/project-module.ts";
import { readProject } from "../../../project/project.ts";
import { start } from "../testing/start.ts";

const EXAMPLES = join(import.meta.dirname, "../../../examples");

test.each(readdirSync(EXAMPLES))(
  "the manifest of examples/%s binds what its module exports",
  async (example) => {
    const { main, manifest } = readProject(join(EXAMPLES, example));
    expect(manifest.warnings).toEqual([]);
    const module: Record<string, unknown> = await import(main);
    const classes = Object.keys(module).filter((name) => isActorClass(module[name]));
    // The one that refers to another's actors has none of its own.
    const own = example === "balance-reader" ? [] : manifest.actors.map(({ type }) => type);
    expect(classes.sort()).toEqual([...own].sort());
  },
);

test("the balance reader shows the balances of accounts, and nothing else", async () => {
  const actors = await start({ Account }, { bindings: { ACCOUNTS: "Account" } });
  await actors.namespace(Account).idFromName("zoë/1").deposit(7);
  const env = actors.env as unknown as Parameters<typeof door.fetch>[1];
  const ask = (path: string, method = "GET") =>
    door.fetch(new Request(`http://reader.test${path}`, { method }), env);
  expect(await (await ask("/balances/zo%C3%AB%2F1")).json()).toEqual({ account: "zoë/1", balance: 7 });
  expect([(await ask("/balances")).status, (await ask("/balances/zo%C3%AB%2F1", "POST")).status]).toEqual([
    404, 404,
  ]);
});
