import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { connect } from "../../runtime/client.ts";
import { runDev, startDev } from "./dev-server.ts";

const MANIFEST = `name = "bombs"\nmain = "index.ts"\n\n[[actors]]\nbinding = "BOMB"\ntype = "Bomb"\n`;
const BOMB = `import { StatefulActor } from "stateful-actors";
export class Bomb extends StatefulActor {
  async add(amount: number) {
    const sum = ((await this.ctx.storage.get("sum")) ?? 0) + amount;
    await this.ctx.storage.put("sum", sum);
    return sum;
  }
  async explode() { process.exit(7); }
}
`;
interface Bomb {
  add(amount: number): Promise<number>;
  explode(): Promise<void>;
}

test("I17: a message that ends the server at each start is given up, and the server goes on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dead-letters-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const project = join(folder, "project");
  mkdirSync(project);
  writeFileSync(join(project, "actors.toml"), MANIFEST);
  writeFileSync(join(project, "index.ts"), BOMB);
  const run = { args: [project, "--port", "0", "--state", join(folder, "state")], cwd: folder };

  const first = await startDev(run);
  const bomb = (url: string) => connect({ url }).namespace<Bomb>("Bomb").idFromName("one");
  expect(await bomb(first.url).add(1)).toBe(1);
  await bomb(first.url)
    .send.explode()
    .catch(() => {});
  await bomb(first.url)
    .add(0)
    .catch(() => {});
  for (let died = 0; died < 4; died++) expect((await runDev(run)).code).toBe(7);
  const last = await startDev(run);
  expect(await bomb(last.url).add(1)).toBe(2);
  expect(last.stderr()).toContain("envelope given up");
  await last.stop();
  const state = readdirSync(join(folder, "state"), { recursive: true, encoding: "utf8" });
  const file = state.find((path) => path.endsWith("state.sqlite")) ?? "";
  const db = new DatabaseSync(join(folder, "state", file), { readOnly: true });
  expect(db.prepare("SELECT reason FROM dead_letters").all()).toMatchObject([
    { reason: expect.stringContaining("Bomb.explode was begun 4 times") },
  ]);
  db.close();
});
