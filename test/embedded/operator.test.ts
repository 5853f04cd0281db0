import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { OPERATOR_PATH } from "../../handlers/operator-door.ts";
import { tokenFile } from "../../handlers/operator-token.ts";
import { connect } from "../../runtime/client.ts";
import { encode } from "../../runtime/core/codec.ts";
import { encodeEnvelope } from "../../runtime/core/envelope.ts";
import { runActors } from "../unit/cli/run-actors.ts";
import { projectFolder } from "../unit/project/project-folder.ts";
import { startDev } from "./dev-server.ts";

const FILES = {
  "actors.toml": `name = "shop"\nmain = "index.ts"\n
[[actors]]\nbinding = "CART"\ntype = "Cart"\n
[[actors]]\nbinding = "TIMER"\ntype = "Timer"\n`,
  "index.ts": `import { StatefulActor } from "stateful-actors";
export class Cart extends StatefulActor {
  async add(amount: number) {
    const sum = ((await this.ctx.storage.get<number>("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
  async fill(keys: number) {
    for (let key = 0; key < keys; key++) await this.ctx.storage.put("line/" + String(key).padStart(4, "0"), "x".repeat(100));
    await this.ctx.storage.put("kinds", new Map<string, unknown>([["at", new Date(0)], ["bytes", new Uint8Array([1, 2])]]));
    return keys;
  }
  async echo(...args: unknown[]) { return args; }
  async nothing() {}
  async fail() { throw new Error("sold out"); }
  async explode() { process.exit(7); }
}
export class Timer extends StatefulActor {
  async set(ms: number) { await this.ctx.storage.setAlarm(Date.now() + ms); }
  override async alarm() { await this.ctx.storage.put("rang", true); }
}
`,
};

interface Cart {
  add(amount: number): Promise<number>;
  fill(keys: number): Promise<number>;
}

function start() {
  const cwd = projectFolder(FILES);
  const stateFile = join(cwd, ".actors/shop/state.sqlite");
  return {
    cwd,
    stateFile,
    serve: () => startDev({ args: [".", "--port", "0"], cwd }),
    actors: (...args: readonly string[]) => runActors(cwd, ...args),
    json: async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await runActors(cwd, ...args, "--json");
      expect([code, stderr]).toEqual([0, ""]);
      return JSON.parse(stdout);
    },
    cart: (url: string, name: string) => connect({ url }).namespace<Cart>("Cart").idFromName(name),
  };
}

describe("actors list, inspect, call, export, import, delete", () => {
  test("an instance from its first call to its end, with a server that runs", async () => {
    const { serve, actors, json, cart, cwd } = start();
    const { url } = await serve();
    await cart(url, "alice").add(5);
    await cart(url, "bob\u001b[31m").add(1);
    await cart(url, "carol").fill(250);
    await actors("call", "Timer", "t", "set", "3600000");
    const carts = await json("list", "Cart");
    expect(carts.instances.map(({ name }: { name: string }) => name)).toEqual([
      "alice",
      "bob\u001b[31m",
      "carol",
    ]);
    const all = (await actors("list")).stdout;
    expect(all).toMatch(/^Cart {3}alice {2,}version 1\nCart {3}"bob\\u001b\[31m" +version 1\n/);
    expect(all).toMatch(/\nTimer {2}t +version 1 {2}alarm \d{4}-\S+ \(in 60 min\)\n$/);
    const first = await json("list", "--limit", "2");
    const second = await json("list", "--limit", "2", "--after", first.next);
    expect([...first.instances, ...second.instances].map(({ name }) => name)).toEqual([
      "alice",
      "bob\u001b[31m",
      "carol",
      "t",
    ]);
    expect(second.next).toBeNull();

    const carol = await json("inspect", "Cart", "carol");
    expect(carol).toMatchObject({ type: "Cart", name: "carol", version: 1, alarm: null, outbox: [] });
    expect(carol.values).toHaveLength(251);
    expect(carol.values[0]).toEqual({
      key: "kinds",
      bytes: expect.any(Number),
      value: [
        ["at", "1970-01-01T00:00:00.000Z"],
        ["bytes", "AQI="],
      ],
    });
    const shown = (await actors("inspect", "Cart", "carol")).stdout;
    expect(shown).toContain("keys        251, ");
    expect(shown).toMatch(/kinds +\d+ B {2}Map\(2\) \{ ?'at' => 1970-01-01T00:00:00.000Z/);
    expect(shown).toContain("… and 151 more keys: --full shows all");
    expect((await json("inspect", "Timer", "t")).alarm).toEqual({ at: expect.any(String), retries: 0 });

    const exported = (await actors("export", "Cart", "carol")).stdout;
    writeFileSync(join(cwd, "carol.jsonl"), exported);
    expect(exported.split("\n")).toHaveLength(253);
    expect((await actors("import", "Cart", "dave", "--file", "carol.jsonl")).code).toBe(0);
    expect((await actors("export", "Cart", "dave")).stdout.replace('"dave"', '"carol"')).toBe(exported);
    const refused = await actors("import", "Cart", "alice", "--file", "carol.jsonl");
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("give --yes if it is meant") });
    expect(await json("import", "Cart", "alice", "--yes", "--file", "carol.jsonl")).toEqual({
      imported: { type: "Cart", name: "alice", version: 2, keys: 251 },
    });
    expect(await cart(url, "alice").add(1)).toBe(1);

    expect((await actors("delete", "Cart", "carol")).stderr).toContain("give --yes if it is meant");
    expect((await actors("delete", "Cart", "carol", "--yes")).stdout).toBe(
      "deleted Cart carol, with its 251 keys\n",
    );
    expect((await actors("list", "Cart", "--prefix", "ca")).stdout).toBe(
      "there is no Cart whose name begins with ca in .actors/shop\n",
    );
    expect(await cart(url, "carol").add(3)).toBe(3);
    expect((await json("list", "Cart", "--prefix", "ca")).instances).toHaveLength(1);
  });

  test("call: arguments as JSON or words, results and errors as JSON", async () => {
    const { serve, actors } = start();
    expect((await actors("call", "Cart", "a", "add", "1")).stderr).toContain(
      "there is no state of a project",
    );
    const dev = await serve();
    const echoed = await actors(
      "call",
      "Cart",
      "a",
      "echo",
      "5",
      "-5",
      '{"a":[1]}',
      "alice",
      "null",
      "--",
      "--x",
    );
    expect(echoed).toEqual({ code: 0, stdout: '[5,-5,{"a":[1]},"alice",null,"--x"]\n', stderr: "" });
    expect((await actors("call", "Cart", "a", "nothing")).stdout).toBe("null\n");
    for (let n = 0; n < 2; n++)
      expect((await actors("call", "Cart", "keyed", "add", "5", "--key", "k")).stdout).toBe("5\n");
    expect(await actors("call", "Cart", "a", "fail", "--json")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        '{"error":{"name":"ActorMethodError","message":"sold out","help":"docs/errors.md#actormethoderror"}}\n',
    });
    expect((await actors("call", "Crat", "a", "add")).stderr).toContain("did you mean Cart?");
    expect((await actors("call", "Cart", "a", "exlpode")).stderr).toContain("did you mean explode?");
    expect((await actors("inspect", "Crat", "a")).stderr).toContain("did you mean the type Cart?");
    await dev.stop();
    expect((await actors("call", "Cart", "keyed", "add", "1")).stderr).toContain("no server runs on");
  });

  test("without a server; what is imported then has its alarm when the server comes", async () => {
    const { serve, actors, json, cwd, stateFile } = start();
    const first = await serve();
    await actors("call", "Timer", "t", "set", "3600000");
    await first.kill9();
    const lines = (await actors("export", "Timer", "t")).stdout;
    const soon = lines.replace(/"alarm":\d+/, `"alarm":${Date.now() + 500}`);
    writeFileSync(join(cwd, "t.jsonl"), soon);
    expect((await actors("import", "Timer", "u", "--file", "t.jsonl")).code).toBe(0);
    expect((await actors("delete", "Timer", "t", "--yes")).code).toBe(0);
    expect((await json("list")).instances.map(({ name }: { name: string }) => name)).toEqual(["u"]);
    await serve();
    await expect
      .poll(async () => (await json("inspect", "Timer", "u")).values)
      .toMatchObject([{ key: "rang", value: true }]);
    // And of one that runs.
    writeFileSync(join(cwd, "t.jsonl"), lines.replace(/"alarm":\d+/, `"alarm":${Date.now() + 500}`));
    expect((await actors("import", "Timer", "v", "--file", "t.jsonl")).code).toBe(0);
    await expect
      .poll(async () => (await json("inspect", "Timer", "v")).values)
      .toMatchObject([{ key: "rang", value: true }]);
    expect(statSync(tokenFile(stateFile)).mode & 0o777).toBe(0o600);
  });

  test("I24: under calls each delete removes exactly what was committed before it; nobody's call is lost", async () => {
    const { serve, cart, actors } = start();
    const { url } = await serve();
    const results: number[] = [];
    let going = true;
    // However slow the command is here, sooner or later no call comes in between.
    let pauseMs = 0;
    const calling = (async () => {
      while (going) {
        results.push(await cart(url, "hot").add(1));
        await delay(pauseMs);
      }
    })();
    let deleted = 0;
    for (let n = 0; n < 4 || deleted === 0; n++) {
      const { code, stderr } = await actors("delete", "Cart", "hot", "--yes");
      if (code === 0) deleted++;
      else {
        expect(stderr).toMatch(/has changed since it was looked at|there is no Cart hot/);
        pauseMs += 10;
      }
    }
    going = false;
    await calling;
    const left = await cart(url, "hot").add(0);
    // The sum begins anew after a delete, and grows by one else.
    const resets = results.filter((sum, index) => index > 0 && sum === 1).length;
    for (const [index, sum] of results.entries())
      if (index > 0) expect([(results[index - 1] ?? 0) + 1, 1]).toContain(sum);
    expect(resets + (left === 0 ? 1 : 0)).toBe(deleted);
    expect(left === 0 || left === results.at(-1)).toBe(true);
  });
});

test("actors dlq: what ended its server is listed, put back once, and dropped, with and without a server", async () => {
  const { serve, json, actors, cart, stateFile } = start();
  const dev = await serve();
  await cart(dev.url, "one").add(1);
  const envelope = (id: string, amount: number) =>
    encodeEnvelope({
      id,
      attempt: `${id.slice(1)}-a`,
      to: { type: "Cart", name: "one" },
      call: { kind: "method", method: "add", args: encode([amount], "arguments") },
      fingerprint: "0123456789ab",
      awaited: true,
      due: undefined,
      deadline: 1,
      chain: [],
    });
  await dev.stop();
  const db = new DatabaseSync(stateFile);
  for (const [id, amount] of [
    ["=first", 10],
    ["=second", 100],
    ["=third", 1000],
  ] as const) {
    db.prepare("INSERT INTO dead_letters (attempt, since, reason, envelope) VALUES (?, ?, ?, ?)").run(
      `${id.slice(1)}-a`,
      amount,
      "Cart.add was begun 4 times",
      envelope(id, amount),
    );
  }
  db.close();
  expect((await json("dlq", "list")).deadLetters).toMatchObject([
    { id: "=first", type: "Cart", name: "one", method: "add", answered: true },
    { id: "=second" },
    { id: "=third" },
  ]);
  expect((await actors("dlq", "redrive", "--id", "=first")).stdout).toMatch(/^put back: =first/);
  const again = await serve();
  await expect.poll(async () => cart(again.url, "one").add(0)).toBe(11);
  expect((await actors("dlq", "redrive", "--id", "=second")).stdout).toMatch(/^put back: =second/);
  await expect.poll(async () => cart(again.url, "one").add(0)).toBe(111);
  expect((await actors("dlq", "drop", "--all")).stderr).toContain("give --yes if it is meant");
  expect((await actors("dlq", "drop", "--all", "--yes")).stdout).toMatch(/^dropped: =third/);
  expect(await json("dlq", "list")).toEqual({ deadLetters: [], behind: 0 });
  expect(await cart(again.url, "one").add(0)).toBe(111);
});

test("the operator's door opens to the token of this start alone, and closes with the server", async () => {
  const { serve, cart, stateFile, json } = start();
  const dev = await serve();
  await cart(dev.url, "one").add(1);
  const token = readFileSync(tokenFile(stateFile), "utf8");
  const remove = { do: "overwrite", type: "Cart", name: "one", expected: 1, values: [], alarm: null };
  const ask = (headers: Record<string, string>, body: unknown = remove, method = "POST") =>
    fetch(`${dev.url}${OPERATOR_PATH}`, {
      method,
      headers,
      ...(method === "POST" && { body: JSON.stringify(body) }),
    });
  for (const headers of [
    {},
    { authorization: "Bearer x" },
    { authorization: token },
    { authorization: `Bearer ${token}x` },
  ])
    expect((await ask(headers as Record<string, string>)).status).toBe(404);
  const authorization = `Bearer ${token}`;
  expect((await ask({ authorization }, undefined, "GET")).status).toBe(404);
  expect((await ask({ authorization }, { do: "anything" })).status).toBe(400);
  expect((await json("inspect", "Cart", "one")).version).toBe(1);
  expect(await (await ask({ authorization }, { ...remove, expected: 9 })).json()).toEqual({
    status: "fenced",
  });
  expect(await (await ask({ authorization })).json()).toEqual({ status: "committed" });
  await dev.stop();
  expect(() => statSync(tokenFile(stateFile))).toThrow("ENOENT");
});
