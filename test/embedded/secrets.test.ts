import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectFolder } from "../unit/project/project-folder.ts";
import { startDev } from "./dev-server.ts";

const SOON = { timeout: 120_000, interval: 20 };

const MANIFEST = `name = "shop"
main = "src/index.ts"

[[actors]]
binding = "PAYMENTS"
type = "Payments"

[[secrets]]
binding = "STRIPE"
name = "prod/stripe"

[[secrets]]
binding = "SESSION"
name = "prod/session"
readers = ["fetch"]
`;

const SOURCE = `import { StatefulActor } from "stateful-actors";
export class Payments extends StatefulActor {
  async digits(binding) {
    return (await this.env.SECRETS.get(binding)).length;
  }
}
export default {
  async fetch(request, env) {
    const [, who, binding] = new URL(request.url).pathname.split("/");
    try {
      const digits = who === "actor"
        ? await env.PAYMENTS.idFromName("p").digits(binding)
        : (await env.SECRETS.get(binding)).length;
      return new Response(String(digits));
    } catch (error) {
      return new Response(error.message, { status: 500 });
    }
  },
};
`;

test("a server has secrets from its environment and from .secrets, tells which are missing, and shows no value", async () => {
  const dir = projectFolder({ "actors.toml": MANIFEST, "src/index.ts": SOURCE });
  const dev = await startDev({
    args: [".", "--port", "0"],
    cwd: dir,
    env: { SESSION: "value-of-session" },
  });
  const answer = async (path: string) => (await fetch(`${dev.url}/${path}`)).text();
  const missing = `the secret STRIPE has no value on this machine: set the environment variable STRIPE, or write a line STRIPE=… into ${join(dir, ".secrets")}`;
  await expect.poll(() => dev.stderr(), SOON).toBe(`warning: ${missing}\n`);
  expect(await answer("fetch/SESSION")).toBe("16");
  expect(await answer("actor/SESSION")).toContain(
    'the secret SESSION is not for actors: its readers are fetch; add "actors"',
  );
  expect(await answer("actor/STRIPE")).toBe(missing);

  writeFileSync(join(dir, ".secrets"), "STRIPE=value-of-stripe\n");
  expect(await answer("actor/STRIPE")).toBe("15");
  expect(await answer("fetch/STRIPE")).toBe("15");

  // A save may take them away, or bring new ones.
  writeFileSync(join(dir, "actors.toml"), MANIFEST.replace('readers = ["fetch"]', 'readers = ["actors"]'));
  await expect.poll(() => answer("actor/SESSION"), SOON).toBe("16");
  expect(await answer("fetch/SESSION")).toContain("is not for the fetch handler");

  const inspected = await fetch(`${dev.url}/__actors`);
  expect((await inspected.text()) + dev.stdout() + dev.stderr()).not.toMatch(/value-of-/);
});
