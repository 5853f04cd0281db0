import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { connect } from "../../runtime/client.ts";
import { startProxy } from "../acceptance/proxy.ts";
import { signing } from "../acceptance/signing.ts";
import { apiClient, type SendRequest } from "../endpoints/api-client.ts";
import { account, region, sdkOptions } from "../endpoints/aws.ts";
import { type Deployment, deployProject } from "../endpoints/deployment.ts";
import { describeWith } from "../endpoints/gate.ts";

const GUARDED = join(import.meta.dirname, "../projects/guarded");
const INCREMENT = "/Counter/c/increment";
const FORGED = { "actors-identity": '{"kind":"lambda","context":{"tenant":"forged"}}' };

interface Counter {
  increment(): Promise<number>;
}

// Four constructs in one stack. What MiniStack does not do, the templates' tests and AWS must: it looks whether a signature is
// there, not whether it is right, takes no token without a Python library that it does not bring, and lets no page ask an API
// that CloudFormation has made.
describeWith(inject("aws"), "front doors that let only some callers in, deployed", ({ url: endpoint }) => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await deployProject({ endpoint, projectDir: GUARDED, app: join(GUARDED, "app.ts") });
  });
  afterAll(() => deployment?.destroy());

  const hostOf = (output: string) => new URL(deployment.outputs[output] ?? "").host;
  const door = (output: string): SendRequest => apiClient({ endpoint, host: hostOf(output) });

  test("a function of one's own decides, and says who it is; a client can't", async () => {
    const request = door("Url");
    const ask = (authorization?: string) =>
      request("GET", "/", undefined, { ...FORGED, ...(authorization !== undefined && { authorization }) });
    expect((await ask()).status).toBe(401);
    expect((await ask("open barley")).status).toBe(403);
    expect((await ask("open sesame")).json()).toEqual({
      caller: { kind: "lambda", context: { tenant: "ali" } },
      // Nobody else got so far.
      calls: 1,
    });
  });

  test("pages of the sites named may ask, without a signature, and of no other", async () => {
    const request = door("FunctionUrl");
    const ask = (origin: string) =>
      request("OPTIONS", "/", undefined, { origin, "access-control-request-method": "POST" });
    const allowed = await ask("https://app.example");
    expect([allowed.status, allowed.headers["access-control-allow-origin"]]).toEqual([
      200,
      "https://app.example",
    ]);
    expect(allowed.headers["access-control-allow-headers"]).toContain("authorization");
    expect((await ask("https://other.example")).headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("a body over the limit is refused", async () => {
    const post = (bytes: number) =>
      door("Url")("POST", "/", "x".repeat(bytes), { authorization: "open sesame" });
    expect((await post(1025)).status).toBe(413);
    expect((await post(1024)).status).toBe(200);
  });

  test.each([
    ["no token", {}],
    ["no bearer's token", { authorization: "Basic YTpi" }],
    [
      "a token that nobody signed",
      {
        authorization: `Bearer ${[{ alg: "none" }, { iss: "https://issuer.example", aud: "app" }].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")}.`,
      },
    ],
  ])("who has %s is refused where tokens are asked for", async (_, headers) => {
    expect((await door("JwtUrl")("POST", INCREMENT, [], headers)).status).toBe(401);
  });

  test("who has not signed is refused by an API and by a function URL, and who has is served, and known", async () => {
    const { credentials } = sdkOptions(endpoint);
    expect((await door("IamUrl")("GET", "/")).status).toBe(403);
    expect((await door("FunctionUrl")("POST", INCREMENT, [])).status).toBe(403);

    const api = signing({ service: "execute-api", region, credentials });
    const signed = await api({ method: "POST", url: `http://${hostOf("IamUrl")}/`, headers: {}, body: "" });
    expect((await door("IamUrl")("POST", "/", "", { ...signed, ...FORGED })).json()).toEqual({
      caller: { kind: "iam", accountId: account, userArn: `arn:aws:iam::${account}:root`, userId: account },
      calls: 1,
    });

    const proxy = await startProxy({ endpoint, host: hostOf("FunctionUrl") });
    try {
      const at = (headers?: ReturnType<typeof signing>) =>
        connect({ url: proxy.url, ...(headers && { headers }) })
          .namespace<Counter>("Counter")
          .idFromName("c");
      await expect(at().increment()).rejects.toThrow(/refused the call with status 403/);
      expect(await at(signing({ service: "lambda", region, credentials })).increment()).toBe(1);
    } finally {
      await proxy.stop();
    }
  });
});
