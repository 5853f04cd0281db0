import { expect, onTestFinished, test } from "vitest";
import { startActors } from "../../../handlers/testing.ts";
import { env, type Secrets, StatefulActor } from "../../../runtime/index.ts";
import { projectFolder } from "../project/project-folder.ts";
import { start } from "./start.ts";

type WithSecrets = { readonly SECRETS: Secrets };

class Payments extends StatefulActor<WithSecrets> {
  async keyLength() {
    return (await this.env.SECRETS.get("STRIPE")).length;
  }
  async ambientKey(binding: string) {
    return (env as unknown as WithSecrets).SECRETS.get(binding);
  }
}

test("classes get the secrets that the test gives them, through this.env and through env", async () => {
  const actors = await start({ Payments }, { secrets: { STRIPE: "sk_test" } });
  const payments = actors.namespace(Payments).idFromName("p");
  expect([await payments.keyLength(), await payments.ambientKey("STRIPE")]).toEqual([7, "sk_test"]);
  await expect(payments.ambientKey("OTHER")).rejects.toThrow('there is no secret "OTHER"');
});

test("without secrets there is no env.SECRETS", async () => {
  const actors = await start({ Payments });
  expect(actors.env).not.toHaveProperty("SECRETS");
});

const PROJECT = {
  "actors.toml": `name = "shop"
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
`,
  "src/index.ts": `import { StatefulActor } from "stateful-actors";
export class Payments extends StatefulActor {
  read(binding) { return this.env.SECRETS.get(binding); }
}
export default {
  async fetch(request, env) {
    const binding = new URL(request.url).pathname.slice(1);
    return new Response(await env.SECRETS.get(binding).catch((error) => error.message));
  },
};
`,
  ".secrets": "STRIPE=the developer's own\n",
};

test("a project has the secrets of its manifest, each for its readers, with values of the test alone", async () => {
  const actors = await startActors({ project: projectFolder(PROJECT) }, { secrets: { SESSION: "s3" } });
  onTestFinished(() => actors.stop());
  const fetched = async (binding: string) => (await actors.fetch(`http://test/${binding}`)).text();
  const payments = actors.namespace<{ read(binding: string): string }>("Payments").idFromName("p");
  expect(await fetched("SESSION")).toBe("s3");
  await expect(payments.read("SESSION")).rejects.toThrow("the secret SESSION is not for actors");
  const missing =
    'the secret STRIPE has no value in this test: give it one, startActors(…, { secrets: { STRIPE: "…" } })';
  expect(await fetched("STRIPE")).toBe(missing);
  await expect(payments.read("STRIPE")).rejects.toThrow(missing);
});

test("a value for a secret that the manifest does not declare is refused", async () => {
  await expect(
    startActors({ project: projectFolder(PROJECT) }, { secrets: { STRIPPE: "x" } }),
  ).rejects.toThrow(
    "the secrets have a value for STRIPPE, which the manifest does not declare; it declares: STRIPE, SESSION",
  );
});
