import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { OUTCOME_TYPE } from "../../../runtime/adapters/http/envelope-protocol.ts";
import { connect, type GiveHeaders } from "../../../runtime/client.ts";
import { decodeEnvelope } from "../../../runtime/core/envelope.ts";
import { encodeOutcome, succeeded } from "../../../runtime/core/outcome.ts";
import { signing } from "../../acceptance/signing.ts";

const REGION = "eu-central-1";
const SERVICE = "execute-api";
const credentials = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" };

interface Greeter {
  greet(name: string): Promise<string>;
}

/** What AWS computes from a request and the caller's secret: Signature Version 4, from its public description. */
function expectedSignature({ method, url, headers }: IncomingMessage, body: string): string | undefined {
  const [, scope, signed] =
    /^AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE\/(\S+), SignedHeaders=(\S+), Signature=/.exec(
      headers.authorization ?? "",
    ) ?? [];
  if (scope === undefined || signed === undefined) return undefined;
  const sha256 = (data: string) => createHash("sha256").update(data).digest("hex");
  const hmac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest();
  const names = signed.split(";");
  const canonical = [
    method,
    url,
    "",
    ...names.map((name) => `${name}:${headers[name]}`),
    "",
    signed,
    sha256(body),
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const key = scope.split("/").reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`);
  return createHmac("sha256", key).update(toSign).digest("hex");
}

/** A front door that takes what is signed for this region and service, with what matters under the signature, as `Auth.iam` does. */
async function serveSigned(): Promise<string> {
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const { authorization = "" } = request.headers;
    const signature = expectedSignature(request, body);
    const isFor = authorization.includes(`/${REGION}/${SERVICE}/aws4_request,`);
    const covers = ["host", "content-type", "actors-sent-at", "x-amz-date"].every((name) =>
      new RegExp(`SignedHeaders=[^,]*\\b${name}\\b`).test(authorization),
    );
    if (!isFor || !covers || signature === undefined || !authorization.endsWith(`Signature=${signature}`)) {
      return void response.writeHead(403).end('{"message":"Forbidden"}');
    }
    const outcome = encodeOutcome(succeeded("hello", "greet"), decodeEnvelope(body).fingerprint);
    response.writeHead(200, { "content-type": OUTCOME_TYPE }).end(outcome);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const call = async (headers: GiveHeaders) =>
  connect({ url: await serveSigned(), headers })
    .namespace<Greeter>("Greeter")
    .idFromName("ö ne")
    .greet("you ✓");

test("calls can be signed, for a front door that asks for a signature", async () => {
  expect(await call(signing({ service: SERVICE, region: REGION, credentials }))).toBe("hello");
});

test.each<[string, GiveHeaders]>([
  ["no signature", () => ({})],
  [
    "another secret",
    signing({ service: SERVICE, region: REGION, credentials: { ...credentials, secretAccessKey: "x" } }),
  ],
  ["another service", signing({ service: "lambda", region: REGION, credentials })],
  [
    "a signature of another body",
    (request) => signing({ service: SERVICE, region: REGION, credentials })({ ...request, body: "" }),
  ],
])("%s is refused, and the caller told what is missing", async (_, headers) => {
  await expect(call(headers)).rejects.toMatchObject({
    name: "ActorConnectionError",
    effect: "refused",
    message: expect.stringContaining(
      "refused the call with status 403; give connect the headers that its authorizer asks for",
    ),
  });
});
