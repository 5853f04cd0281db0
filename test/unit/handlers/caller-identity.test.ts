import { expect, test } from "vitest";
import { type Identity, identityOf } from "../../../runtime/index.ts";
import { throughRouter } from "./router-http.ts";

const ACCOUNT = "123456789012";
const FORGED = JSON.stringify({ kind: "lambda", context: { admin: true } });

/** Who a project's fetch handler is told has called, and which of the headers it sees say so. */
async function told(authorizer: unknown, headers: Record<string, string> = {}) {
  let seen: { identity: Identity | undefined; header: string | null } | undefined;
  const fetch = (request: Request) => {
    seen = { identity: identityOf(request), header: request.headers.get("actors-identity") };
    return new Response(null, { status: 204 });
  };
  expect(await throughRouter(fetch, { authorizer, headers })).toMatchObject({ statusCode: 204 });
  return seen;
}

test("a signed request tells whose it is, and not with which key", async () => {
  const iam = {
    accessKey: "AKIAEXAMPLE",
    accountId: ACCOUNT,
    callerId: "AIDA:session",
    cognitoIdentity: null,
    principalOrgId: "o-1",
    userArn: `arn:aws:sts::${ACCOUNT}:assumed-role/caller/session`,
    userId: "AROA:session",
  };
  const { accountId, userArn, userId } = iam;
  const seen = await told({ iam });
  expect(seen?.identity).toEqual({ kind: "iam", accountId, userArn, userId });
  const cognitoIdentity = { amr: ["authenticated"], identityId: "eu-1:1", identityPoolId: "eu-1:2" };
  expect((await told({ iam: { ...iam, cognitoIdentity } }))?.identity).toMatchObject({
    cognitoIdentityId: "eu-1:1",
  });
});

test.each([
  [["bank/read"], ["bank/read"]],
  [null, []],
])("a token tells its claims, whatever their letters, and its scopes: %j", async (scopes, expected) => {
  const claims = { sub: "älice 🙂", aud: "app", "cognito:groups": "[a b]" };
  const seen = await told({ jwt: { claims, scopes } });
  expect(seen?.identity).toEqual({ kind: "jwt", claims, scopes: expected });
  expect(seen?.header).toMatch(/^[ -~]+$/);
});

test.each([
  [
    { tenant: "t1", level: 3 },
    { tenant: "t1", level: 3 },
  ],
  [null, {}],
])("a function that decides tells its context: %j", async (lambda, context) => {
  expect((await told({ lambda }))?.identity).toEqual({ kind: "lambda", context });
});

test.each(["actors-identity", "Actors-Identity", "ACTORS-IDENTITY"])(
  "what a client says of itself in %s is gone, whoever it is",
  async (name) => {
    expect(await told(undefined, { [name]: FORGED })).toEqual({ identity: undefined, header: null });
    const jwt = { claims: { sub: "alice" }, scopes: null };
    expect((await told({ jwt }, { [name]: FORGED }))?.identity).toEqual({
      kind: "jwt",
      claims: { sub: "alice" },
      scopes: [],
    });
  },
);

test.each([
  "",
  "alice",
  "null",
  "[]",
  '{"kind":"root"}',
  '{"kind":"jwt","claims":{}}',
  '{"kind":"jwt","claims":[],"scopes":[]}',
  '{"kind":"iam","accountId":"1","userArn":2,"userId":"3"}',
  '{"kind":"lambda","context":null}',
])("a header that is no identity is nobody's: %s", (text) => {
  const request = new Request("http://localhost/", { headers: { "actors-identity": text } });
  expect(identityOf(request)).toBeUndefined();
});
