import { App, Duration, Fn, Size, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { HostedZone } from "aws-cdk-lib/aws-route53";
import { describe, expect, test } from "vitest";
import { FUNCTIONS } from "../../../bench/model/figures.ts";
import { Auth } from "../../../cdk/auth.ts";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import { ActorsStack } from "../../../cdk/stack.ts";
import type { StatefulActorsProps } from "../../../cdk/stateful-actors.ts";
import { functionOf, only, resources, variables } from "./resources.ts";
import { fakeBundle, newFolder, synthesize, writeProject } from "./synthesis.ts";

const STAGE = "AWS::ApiGatewayV2::Stage";
const API = "AWS::ApiGatewayV2::Api";
const ROUTE = "AWS::ApiGatewayV2::Route";
const NAME = "actors.example.com";

const first = (from: Template, type: string) => only(from, type, () => true)[1].Properties;
const jwt = Auth.jwt({ issuer: "https://issuer.example", audience: ["app"], scopes: ["call"] });

describe("throttling", () => {
  test("is on without being asked for, and as told", () => {
    expect(first(synthesize(), STAGE).DefaultRouteSettings).toEqual({
      ThrottlingRateLimit: 1000,
      ThrottlingBurstLimit: 1000,
    });
    const told = synthesize({ props: { throttling: { rate: 0.5, burst: 3 } } });
    expect(first(told, STAGE).DefaultRouteSettings).toEqual({
      ThrottlingRateLimit: 0.5,
      ThrottlingBurstLimit: 3,
    });
  });
});

describe("CORS", () => {
  const allowOrigins = ["https://app.example"];

  test("is off without being asked for", () => {
    expect(first(synthesize(), API).CorsConfiguration).toBeUndefined();
  });

  test("lets pages of the origins named send what the built-in door reads, and no cookies", () => {
    const template = synthesize({ props: { cors: { allowOrigins } } });
    expect(first(template, API).CorsConfiguration).toEqual({
      AllowOrigins: allowOrigins,
      AllowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
      AllowHeaders: ["authorization", "content-type", "envelope-id", "idempotency-key", "prefer"],
      AllowCredentials: false,
      MaxAge: 3600,
    });
    // Without an authorizer the API answers browsers by itself.
    expect(Object.keys(resources(template, ROUTE))).toHaveLength(1);
  });

  test("goes as told to an API and to a function URL", () => {
    const cors = {
      allowOrigins,
      allowMethods: ["*"],
      allowHeaders: ["x-a"],
      exposeHeaders: ["x-b"],
      allowCredentials: true,
      maxAge: Duration.days(1),
    };
    const expected = {
      AllowOrigins: allowOrigins,
      AllowMethods: ["*"],
      AllowHeaders: ["x-a"],
      ExposeHeaders: ["x-b"],
      AllowCredentials: true,
      MaxAge: 86_400,
    };
    expect(first(synthesize({ props: { cors } }), API).CorsConfiguration).toEqual(expected);
    const url = synthesize({ props: { cors, frontDoor: "function-url" } });
    expect(first(url, "AWS::Lambda::Url").Cors).toEqual(expected);
  });

  test("takes all sites of a scheme at an API", () => {
    const told = { allowOrigins: ["https://*", "http://*"] };
    expect(first(synthesize({ props: { cors: told } }), API).CorsConfiguration).toMatchObject({
      AllowOrigins: told.allowOrigins,
    });
  });

  test("takes undefined as not said", () => {
    const said = { allowOrigins };
    const unsaid = {
      allowOrigins,
      allowMethods: undefined,
      allowHeaders: undefined,
      exposeHeaders: undefined,
      allowCredentials: undefined,
      maxAge: undefined,
    };
    const [one, other] = [said, unsaid].map((cors) =>
      first(synthesize({ props: { cors: cors as never } }), API),
    );
    expect(other?.CorsConfiguration).toEqual(one?.CorsConfiguration);
  });

  test("lets signed requests send what their signatures need", () => {
    const cors = (auth: Auth) =>
      first(synthesize({ props: { auth, cors: { allowOrigins } } }), API).CorsConfiguration;
    const signature = ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
    expect(cors(Auth.iam())).toMatchObject({
      AllowHeaders: expect.arrayContaining(["authorization", ...signature]),
    });
    expect(cors(jwt)).toMatchObject({ AllowHeaders: expect.not.arrayContaining(signature) });
  });

  test.each(["http-api", "function-url"] as const)(
    "takes what is known at deployment only, at an %s",
    (frontDoor) => {
      const site = { "Fn::ImportValue": "site" };
      const origins = (allow: readonly string[]) => {
        const cors = { allowOrigins: allow, allowMethods: [Fn.importValue("method")] };
        const template = synthesize({ props: { frontDoor, cors } });
        const { CorsConfiguration, Cors } =
          frontDoor === "http-api" ? first(template, API) : first(template, "AWS::Lambda::Url");
        return ((CorsConfiguration ?? Cors) as { AllowOrigins: unknown }).AllowOrigins;
      };
      expect(origins([Fn.importValue("site")])).toEqual([site]);
      expect(origins([`https://${Fn.importValue("site")}`])).toEqual([
        { "Fn::Join": ["", ["https://", site]] },
      ]);
      expect(origins(Fn.split(",", Fn.importValue("site")))).toEqual({ "Fn::Split": [",", site] });
      expect(() => origins([Fn.importValue("site"), "app.example"])).toThrow(
        'cors allowOrigins "app.example": ',
      );
    },
  );

  // Their questions bear no token, and the default route asks for one.
  test("lets browsers ask before an authorizer asks them, and nobody else", () => {
    const template = synthesize({ props: { auth: jwt, cors: { allowOrigins } } });
    const routes = Object.values(resources(template, ROUTE)).map(({ Properties }) => Properties);
    const open = routes.filter(({ AuthorizationType }) => AuthorizationType !== "JWT");
    expect(open.map(({ RouteKey }) => RouteKey).sort()).toEqual(["OPTIONS /", "OPTIONS /{proxy+}"]);
    for (const route of open) {
      expect(route).toMatchObject({ AuthorizationType: "NONE" });
      expect(route).not.toHaveProperty("AuthorizationScopes");
    }
    expect(routes).toHaveLength(3);
  });
});

describe("the access log", () => {
  test("is on, kept like the others, and told by the stack's output", () => {
    const template = synthesize({ props: { logRetention: RetentionDays.ONE_WEEK } });
    const [id, group] = only(
      template,
      "AWS::Logs::LogGroup",
      ({ LogGroupName }) => LogGroupName !== undefined,
    );
    expect(group).toMatchObject({ DeletionPolicy: "Delete", Properties: { RetentionInDays: 7 } });
    // The prefix for which AWS does not add to a policy that twenty stacks would fill.
    expect(group.Properties.LogGroupName).toMatch(/^\/aws\/vendedlogs\/bank-AccessLog-[0-9a-f]{8}$/);
    expect(first(template, STAGE).AccessLogSettings).toMatchObject({
      DestinationArn: { "Fn::GetAtt": [id, "Arn"] },
    });
    template.hasOutput("AccessLogs", { Value: { Ref: id } });
  });

  test("has nothing that a caller sends, nor where he is", () => {
    const { Format } = first(synthesize(), STAGE).AccessLogSettings as { Format: string };
    const line: Record<string, string> = JSON.parse(Format);
    expect(line).toMatchObject({ requestId: "$context.requestId", status: "$context.status" });
    for (const variable of Object.values(line)) {
      expect(variable).toMatch(/^\$context\.[A-Za-z.]+$/);
      expect(variable).not.toMatch(
        /path|domain|identity|query|routeKey|authorizer\.(?!error$)|claims|protocol|sourceIp|userAgent/,
      );
    }
  });

  test("costs what the model of docs/performance.md takes for it", () => {
    const { Format } = first(synthesize(), STAGE).AccessLogSettings as { Format: string };
    // A call that goes well. What is not there is a dash.
    const values: Record<string, string> = {
      requestId: "JKJaXmPLvHcESHA=",
      requestTimeEpoch: "1795747556",
      httpMethod: "POST",
      status: "200",
      responseLatency: "91",
      responseLength: "3",
      "integration.requestId": "8f1a3c52-6c1b-4c0a-9d7e-1f2a3b4c5d6e",
      "integration.status": "200",
      "integration.latency": "85",
    };
    const line = Format.replaceAll(/\$context\.([A-Za-z.]+)/g, (_, name: string) => values[name] ?? "-");
    const eventBytes = 26;
    const kb = (Buffer.byteLength(line) + eventBytes) / 1024;
    expect(FUNCTIONS.accessLogKb).toBeCloseTo(kb, 2);
  });

  test("can be left out, and a function URL has none", () => {
    for (const props of [{ accessLog: false }, { frontDoor: "function-url" }] as const) {
      const template = synthesize({ props });
      expect(Object.keys(resources(template, "AWS::Logs::LogGroup"))).toHaveLength(3);
      expect(template.findOutputs("AccessLogs")).toEqual({});
    }
    expect(first(synthesize({ props: { accessLog: false } }), STAGE).AccessLogSettings).toBeUndefined();
  });
});

test("the router knows the origins that may call, as its built-in door must refuse what other pages post blindly", () => {
  const origins = (props: Partial<StatefulActorsProps>) =>
    variables(functionOf(synthesize({ props }), "Router")[1]).FRONT_DOOR_ORIGINS;
  expect(origins({})).toBeUndefined();
  const cors = { allowOrigins: ["https://app.example", "http://localhost:3000"] };
  expect(origins({ cors })).toBe("https://app.example http://localhost:3000");
  expect(origins({ cors, frontDoor: "function-url" })).toBe("https://app.example http://localhost:3000");
  const sites = Fn.split(",", Fn.importValue("sites"));
  const { "Fn::Join": joined } = origins({ cors: { allowOrigins: sites } }) as { "Fn::Join": unknown };
  expect(joined).toEqual([" ", { "Fn::Split": [",", { "Fn::ImportValue": "sites" }] }]);
});

test("a limit of the body's size reaches the router, and is what fits into an envelope otherwise", () => {
  const limit = (props: Partial<StatefulActorsProps>) =>
    variables(functionOf(synthesize({ props }), "Router")[1]).MAX_BODY_BYTES;
  expect(limit({})).toBeUndefined();
  expect(limit({ maxBodySize: Size.kibibytes(64) })).toBe("65536");
  expect(limit({ maxBodySize: Size.mebibytes(1), frontDoor: "function-url" })).toBe("1048576");
});

describe("a domain", () => {
  const REGION = "eu-central-1";
  const arnIn = (region: string) => `arn:aws:acm:${region}:123456789012:certificate/1`;

  function deploy({ name = NAME, zone, region = REGION }: { name?: string; zone?: string; region?: string }) {
    const env = { account: "123456789012", region: REGION };
    const app = new App({ outdir: newFolder() });
    const others = new Stack(app, "others", { env });
    const certificate = Certificate.fromCertificateArn(others, "Certificate", arnIn(region));
    const hostedZone =
      zone && HostedZone.fromHostedZoneAttributes(others, "Zone", { hostedZoneId: "Z1", zoneName: zone });
    const domain = { name, certificate, ...(hostedZone && { hostedZone }) };
    const actors = { project: writeProject(), auth: Auth.none(), domain };
    const stack = new ActorsStack(app, "bank", { env, actors }, { bundle: fakeBundle });
    return { stack, template: Template.fromStack(stack) };
  }

  test("takes the place of AWS's name for the API, which is closed", () => {
    const { stack, template } = deploy({});
    expect(stack.actors.url).toBe(`https://${NAME}`);
    template.hasOutput("Url", { Value: `https://${NAME}` });
    expect(first(template, API).DisableExecuteApiEndpoint).toBe(true);
    const [domainId, domain] = only(template, "AWS::ApiGatewayV2::DomainName", () => true);
    expect(domain.Properties).toMatchObject({
      DomainName: NAME,
      DomainNameConfigurations: [{ CertificateArn: arnIn(REGION), SecurityPolicy: "TLS_1_2" }],
    });
    const [apiId] = only(template, API, () => true);
    expect(first(template, "AWS::ApiGatewayV2::ApiMapping")).toMatchObject({
      ApiId: { Ref: apiId },
      DomainName: { Ref: domainId },
      Stage: "$default",
    });
    template.hasOutput("DomainTarget", { Value: { "Fn::GetAtt": [domainId, "RegionalDomainName"] } });
    expect(resources(template, "AWS::Route53::RecordSet")).toEqual({});
  });

  test.each([
    [NAME, "example.com"],
    [NAME, "example.com."],
    [NAME, NAME],
  ])("gets a record: %s in the zone %s", (name, zone) => {
    const { template } = deploy({ name, zone });
    const [domainId] = only(template, "AWS::ApiGatewayV2::DomainName", () => true);
    expect(first(template, "AWS::Route53::RecordSet")).toMatchObject({
      Name: `${NAME}.`,
      Type: "A",
      HostedZoneId: "Z1",
      AliasTarget: { DNSName: { "Fn::GetAtt": [domainId, "RegionalDomainName"] } },
    });
  });

  test("without one the name that AWS gives is open, and there is nothing to point to", () => {
    const template = synthesize();
    expect(first(template, API).DisableExecuteApiEndpoint).toBeUndefined();
    expect(template.findOutputs("DomainTarget")).toEqual({});
  });

  test.each<[Parameters<typeof deploy>[0], string]>([
    [{ name: "https://actors.example.com" }, 'domain name "https://actors.example.com": '],
    [{ name: "actors.example.com/" }, 'domain name "actors.example.com/": '],
    [{ name: "Actors.example.com" }, 'domain name "Actors.example.com": '],
    [{ name: "*.example.com" }, 'domain name "*.example.com": '],
    [{ name: "localhost" }, 'domain name "localhost": '],
    [{ name: `${"a".repeat(64)}.example.com` }, "domain name "],
    [{ zone: "ample.com" }, `domain name ${NAME}: it does not lie in the hosted zone ample.com; `],
    [{ region: "us-east-1" }, `domain certificate ${arnIn("us-east-1")}: `],
  ])("is refused: %j", (wrong, message) => {
    const attempt = () => deploy(wrong);
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(/^[^\n]+$/);
  });
});

describe("what is refused in one line with the value, the rule and the fix", () => {
  const allowOrigins = ["https://app.example"];
  const domain = { name: NAME, certificate: undefined as never };

  test.each<[Partial<StatefulActorsProps>, string]>([
    [{ throttling: { rate: 0, burst: 1 } }, "throttling rate 0: "],
    [{ throttling: { rate: Number.NaN, burst: 1 } }, "throttling rate NaN: "],
    [{ throttling: { rate: Number.POSITIVE_INFINITY, burst: 1 } }, "throttling rate Infinity: "],
    [{ throttling: { rate: 1, burst: 0 } }, "throttling burst 0: "],
    [{ throttling: { rate: 1, burst: 1.5 } }, "throttling burst 1.5: "],
    [{ maxBodySize: Size.bytes(0) }, "maxBodySize 0 bytes: "],
    [{ maxBodySize: Size.bytes(1024 * 1024 + 1) }, "maxBodySize 1048577 bytes: "],
    [{ cors: { allowOrigins: [] } }, "cors allowOrigins []: "],
    [{ cors: { allowOrigins: ["app.example"] } }, 'cors allowOrigins "app.example": '],
    [{ cors: { allowOrigins: ["https://app.example/"] } }, 'cors allowOrigins "https://app.example/": '],
    [{ cors: { allowOrigins: ["https://*.example"] } }, 'cors allowOrigins "https://*.example": '],
    [{ cors: { allowOrigins: undefined as never } }, "cors allowOrigins []: "],
    [
      { cors: { allowOrigins: ["https://*"] }, frontDoor: "function-url" },
      'cors allowOrigins "https://*": an HTTP API takes that, ',
    ],
    [
      { cors: { allowOrigins: ["https://*"], allowCredentials: true } },
      "cors allowCredentials with the origin https://*: ",
    ],
    [{ cors: { allowOrigins: ["null"] } }, 'cors allowOrigins "null": '],
    [{ cors: { allowOrigins: ["*"], allowCredentials: true } }, "cors allowCredentials with the origin *: "],
    [{ cors: { allowOrigins, allowMethods: ["post"] } }, 'cors allowMethods "post": '],
    [{ cors: { allowOrigins, maxAge: Duration.days(2) } }, "cors maxAge 172800 s: "],
    [{ cors: { allowOrigins, maxAge: Duration.millis(500) } }, "cors maxAge 0.5 s: "],
    [
      { frontDoor: "function-url", throttling: { rate: 1, burst: 1 } },
      "throttling with the front door function-url: ",
    ],
    [{ frontDoor: "function-url", accessLog: true }, "accessLog with the front door function-url: "],
    [{ frontDoor: "function-url", domain }, "domain with the front door function-url: "],
  ])("%j", (props, message) => {
    const attempt = () => synthesize({ props });
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(/^[^\n]+$/);
  });

  test("what is not asked for is taken by a function URL", () => {
    const props = { frontDoor: "function-url", throttling: undefined, accessLog: false, domain: undefined };
    expect(() => synthesize({ props: props as never })).not.toThrow();
  });
});
