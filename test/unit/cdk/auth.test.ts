import { App, Duration, Stack, Token } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { describe, expect, test } from "vitest";
import { Auth, type LambdaAuthOptions } from "../../../cdk/auth.ts";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import { StatefulActors, type StatefulActorsProps } from "../../../cdk/stateful-actors.ts";
import { only, resources } from "./resources.ts";
import { fakeBundle, newFolder, synthesize, writeProject } from "./synthesis.ts";

const ROUTE = "AWS::ApiGatewayV2::Route";
const AUTHORIZER = "AWS::ApiGatewayV2::Authorizer";
const ISSUER = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123";
const DECIDER = "arn:aws:lambda:eu-central-1:123456789012:function:decider";

/** A construct in a stack in which functions and roles of others can be. */
function deployed(make: (stack: Stack) => Auth, props: Partial<StatefulActorsProps> = {}) {
  const env = { account: "123456789012", region: "eu-central-1" };
  const stack = new Stack(new App({ outdir: newFolder() }), "bank", { env });
  const all = { project: writeProject(), auth: make(stack), ...props };
  const actors = new StatefulActors(stack, "Actors", all, { bundle: fakeBundle });
  return { stack, actors, template: () => Template.fromStack(stack) };
}

const decider = (stack: Stack) =>
  LambdaFunction.fromFunctionAttributes(stack, "Decider", { functionArn: DECIDER, sameEnvironment: true });

/** The one route of an API, which takes every method and every path. */
const route = (template: Template) => {
  const [, { Properties }] = only(template, ROUTE, () => true);
  expect(Properties.RouteKey).toBe("$default");
  return Properties;
};

describe("an HTTP API", () => {
  test("with Auth.none lets anyone in", () => {
    const template = synthesize({ props: { auth: Auth.none() } });
    expect(route(template).AuthorizationType).toBe("NONE");
    expect(resources(template, AUTHORIZER)).toEqual({});
  });

  test("with Auth.iam asks each request for a signature", () => {
    const template = synthesize({ props: { auth: Auth.iam() } });
    expect(route(template).AuthorizationType).toBe("AWS_IAM");
    expect(resources(template, AUTHORIZER)).toEqual({});
  });

  test.each([
    [undefined, undefined],
    [["bank/read"], ["bank/read"]],
  ])(
    "with Auth.jwt asks for a token of the issuer, for the audience, with the scopes %j",
    (scopes, expected) => {
      const auth = Auth.jwt({ issuer: ISSUER, audience: ["app", "web"], ...(scopes && { scopes }) });
      const template = synthesize({ props: { auth } });
      const [id, authorizer] = only(template, AUTHORIZER, () => true);
      expect(authorizer.Properties).toMatchObject({
        AuthorizerType: "JWT",
        IdentitySource: ["$request.header.Authorization"],
        JwtConfiguration: { Issuer: ISSUER, Audience: ["app", "web"] },
      });
      expect(route(template)).toMatchObject({ AuthorizationType: "JWT", AuthorizerId: { Ref: id } });
      expect(route(template).AuthorizationScopes).toEqual(expected);
    },
  );

  test.each<[LambdaAuthOptions, string[], number]>([
    // What is kept would hold for all paths.
    [{}, ["$request.header.Authorization"], 0],
    [
      { identitySource: ["$request.header.x-key", "$context.path"], resultsCacheTtl: Duration.minutes(5) },
      ["$request.header.x-key", "$context.path"],
      300,
    ],
    [{ identitySource: [] }, [], 0],
  ])("with Auth.lambda asks the function, which it may invoke: %j", (options, sources, seconds) => {
    const template = deployed((stack) => Auth.lambda(decider(stack), options)).template();
    const [id, authorizer] = only(template, AUTHORIZER, () => true);
    expect(authorizer.Properties).toMatchObject({
      AuthorizerType: "REQUEST",
      AuthorizerPayloadFormatVersion: "2.0",
      EnableSimpleResponses: true,
      AuthorizerResultTtlInSeconds: seconds,
      IdentitySource: sources,
    });
    expect(JSON.stringify(authorizer.Properties.AuthorizerUri)).toContain(`${DECIDER}/invocations`);
    expect(route(template)).toMatchObject({ AuthorizationType: "CUSTOM", AuthorizerId: { Ref: id } });
    const [, permission] = only(
      template,
      "AWS::Lambda::Permission",
      ({ FunctionName }) => FunctionName === DECIDER,
    );
    expect(permission.Properties.Principal).toBe("apigateway.amazonaws.com");
    expect(JSON.stringify(permission.Properties.SourceArn)).toContain(`/authorizers/",{"Ref":"${id}"}`);
  });

  test("shares no authorizer with another one of the same choice", () => {
    const auth = Auth.jwt({ issuer: ISSUER, audience: ["app"] });
    const { stack, template } = deployed(() => auth);
    const props = { project: writeProject(), auth };
    new StatefulActors(stack, "Others", props, { bundle: fakeBundle });
    const authorizers = Object.values(resources(template(), AUTHORIZER));
    const apis = authorizers.map(({ Properties }) => JSON.stringify(Properties.ApiId));
    expect(new Set(apis).size).toBe(2);
  });
});

describe("a function URL", () => {
  const frontDoor = "function-url";

  test.each([
    [Auth.none(), "NONE", 2],
    [Auth.iam(), "AWS_IAM", 0],
  ])("takes its own two choices: %j", (auth, type, open) => {
    const template = synthesize({ props: { frontDoor, auth } });
    expect(only(template, "AWS::Lambda::Url", () => true)[1].Properties.AuthType).toBe(type);
    const forAll = Object.values(resources(template, "AWS::Lambda::Permission")).filter(
      ({ Properties }) => Properties.Principal === "*",
    );
    expect(forAll).toHaveLength(open);
  });

  test.each([
    ["jwt", () => Auth.jwt({ issuer: ISSUER, audience: ["app"] })],
    ["lambda", (stack: Stack) => Auth.lambda(decider(stack))],
  ] as const)("refuses Auth.%s, which it could not check", (kind, make) => {
    const attempt = () => deployed(make, { frontDoor });
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(
      new RegExp(
        `^frontDoor function-url with Auth\\.${kind}: .*Auth\\.none\\(\\), or the front door http-api$`,
      ),
    );
  });
});

describe("grantInvoke", () => {
  const caller = (stack: Stack) =>
    new Role(stack, "Caller", { assumedBy: new ServicePrincipal("ec2.amazonaws.com") });
  const statementsOf = (template: Template) => {
    const [, { Properties }] = only(template, "AWS::IAM::Policy", () => true);
    return (Properties.PolicyDocument as { Statement: unknown[] }).Statement;
  };

  test("lets a role call every path of the API, and nothing else", () => {
    const { stack, actors, template } = deployed(() => Auth.iam());
    actors.grantInvoke(caller(stack));
    const [apiId] = only(template(), "AWS::ApiGatewayV2::Api", () => true);
    expect(statementsOf(template())).toEqual([
      {
        Effect: "Allow",
        Action: "execute-api:Invoke",
        Resource: {
          "Fn::Join": [
            "",
            [
              "arn:",
              { Ref: "AWS::Partition" },
              ":execute-api:eu-central-1:123456789012:",
              { Ref: apiId },
              "/*",
            ],
          ],
        },
      },
    ]);
  });

  test("lets a role call the function by its URL, and not by itself: that takes other programs' envelopes", () => {
    const { stack, actors, template } = deployed(() => Auth.iam(), { frontDoor: "function-url" });
    actors.grantInvoke(caller(stack));
    const statements = statementsOf(template());
    expect(statements).toMatchObject([
      {
        Action: "lambda:InvokeFunctionUrl",
        Condition: { StringEquals: { "lambda:FunctionUrlAuthType": "AWS_IAM" } },
      },
      {
        Action: "lambda:InvokeFunction",
        Condition: { Bool: { "lambda:InvokedViaFunctionUrl": true } },
      },
    ]);
    expect(statements).toHaveLength(2);
  });

  test.each([
    ["none", () => Auth.none()],
    ["jwt", () => Auth.jwt({ issuer: ISSUER, audience: ["app"] })],
  ])("is refused with Auth.%s, where it would change nothing", (kind, make) => {
    const { stack, actors } = deployed(make);
    const grantee = caller(stack);
    const attempt = () => actors.grantInvoke(grantee);
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(new RegExp(`^grantInvoke of .* with Auth\\.${kind}: .*leave the grant out$`));
  });
});

test.each([Auth.none(), Auth.iam(), Auth.jwt({ issuer: ISSUER, audience: ["app"] })])(
  "the choice is an output of the stack: %j",
  (auth) => synthesize({ props: { auth } }).hasOutput("Auth", { Value: auth.kind }),
);

describe("what is no choice", () => {
  test.each([undefined, null, "none", {}])("is refused with the choices: %j", (auth) => {
    const attempt = () => synthesize({ props: { auth: auth as never } });
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(
      /^auth .*: .*Auth\.iam\(\), Auth\.jwt\(.*\), Auth\.lambda\(fn\) or Auth\.none\(\)/,
    );
  });

  test.each<[string, Parameters<typeof Auth.jwt>[0], string]>([
    ["no URL", { issuer: "cognito", audience: ["a"] }, 'Auth.jwt issuer "cognito": '],
    [
      "http",
      { issuer: "http://issuer.example", audience: ["a"] },
      'Auth.jwt issuer "http://issuer.example": ',
    ],
    ["a query", { issuer: "https://i.example/?a", audience: ["a"] }, "Auth.jwt issuer "],
    ["a space", { issuer: " https://i.example", audience: ["a"] }, "Auth.jwt issuer "],
    ["no audience", { issuer: ISSUER, audience: [] }, "Auth.jwt audience []: "],
    ["an empty audience", { issuer: ISSUER, audience: ["a", ""] }, 'Auth.jwt audience "": '],
    ["no audience from JavaScript", { issuer: ISSUER } as never, "Auth.jwt audience []: "],
    [
      "a text as audience",
      { issuer: ISSUER, audience: "app" as never },
      'Auth.jwt audience "app": it is a list',
    ],
    [
      "a password, which is not repeated",
      { issuer: "https://me:secret@issuer.example/pool", audience: ["a"] },
      "Auth.jwt issuer https://…@issuer.example/pool: ",
    ],
    ["two scopes in one", { issuer: ISSUER, audience: ["a"], scopes: ["a b"] }, 'Auth.jwt scopes "a b": '],
  ])("is refused as a token: %s", (_, options, message) => {
    const attempt = () => Auth.jwt(options);
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(message);
    expect(attempt).not.toThrow(/secret/);
  });

  test("a pool of the same app is an issuer that is known at deployment only", () => {
    const template = deployed((stack) =>
      Auth.jwt({ issuer: `https://cognito-idp.${stack.urlSuffix}/x`, audience: ["app"] }),
    ).template();
    expect(Object.keys(resources(template, AUTHORIZER))).toHaveLength(1);
  });

  test.each<[LambdaAuthOptions, string]>([
    [{ resultsCacheTtl: Duration.seconds(3601) }, "Auth.lambda resultsCacheTtl 3601 s: "],
    [{ resultsCacheTtl: Duration.millis(1500) }, "Auth.lambda resultsCacheTtl 1.5 s: "],
    [
      { resultsCacheTtl: Duration.seconds(Token.asNumber({ Ref: "Seconds" })) },
      "Auth.lambda resultsCacheTtl is a token: ",
    ],
    [
      { resultsCacheTtl: Duration.seconds(1), identitySource: [] },
      "Auth.lambda resultsCacheTtl 1 s: without",
    ],
  ])("is refused of a function: %j", (options, message) => {
    const attempt = () => deployed((stack) => Auth.lambda(decider(stack), options));
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(message);
  });
});
