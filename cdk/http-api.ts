import { Stack } from "aws-cdk-lib";
import {
  CorsHttpMethod,
  type CorsPreflightOptions,
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  HttpStage,
  PayloadFormatVersion,
} from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { Grant } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { AccessLog } from "./access-log.ts";
import type { Auth } from "./auth.ts";
import type { Cors } from "./cors.ts";
import { CustomDomain, type DomainOptions } from "./custom-domain.ts";
import type { Entrance } from "./entrance.ts";
import { acceptFrontDoorFindings } from "./front-door-findings.ts";
import { physicalName } from "./physical-name.ts";
import type { Throttling } from "./throttling.ts";

export interface HttpApiOptions {
  readonly description: string;
  readonly auth: Auth;
  readonly cors: Cors | undefined;
  readonly throttling: Throttling;
  readonly domain: DomainOptions | undefined;
  /** How long the access log is kept; undefined: there is none. */
  readonly accessLogRetention: RetentionDays | undefined;
  /** Of the access log. */
  readonly encryptionKey: IKey | undefined;
}

/** Puts an HTTP API before a function, to which it hands every method and every path. */
export function createHttpApi(scope: Construct, fn: LambdaFunction, options: HttpApiOptions): Entrance {
  const { description, auth, cors, throttling, accessLogRetention, encryptionKey } = options;
  const { authorizer, scopes = [] } = auth.bind();
  const integration = new HttpLambdaIntegration("Router", fn, {
    payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
  });
  const api = new HttpApi(scope, "Api", {
    apiName: physicalName(scope),
    description,
    // Without other routes this one takes every method and every path.
    defaultIntegration: integration,
    ...(authorizer && { defaultAuthorizer: authorizer() }),
    ...(scopes.length > 0 && { defaultAuthorizationScopes: [...scopes] }),
    ...(cors && { corsPreflight: corsOf(cors) }),
    createDefaultStage: false,
    // Whoever knew AWS's name for it would come past what stands before the other name.
    ...(options.domain && { disableExecuteApiEndpoint: true }),
  });
  // Browsers ask without an authorization, and the default route would send them away.
  for (const path of cors && authorizer ? ["/", "/{proxy+}"] : []) {
    api.addRoutes({
      path,
      methods: [HttpMethod.OPTIONS],
      integration,
      authorizer: new HttpNoneAuthorizer(),
      authorizationScopes: [],
    });
  }
  const domain = options.domain && new CustomDomain(scope, "Domain", options.domain);
  const accessLog =
    accessLogRetention && new AccessLog(scope, "AccessLog", { retention: accessLogRetention, encryptionKey });
  const stage = new HttpStage(api, "DefaultStage", {
    httpApi: api,
    autoDeploy: true,
    throttle: { rateLimit: throttling.rate, burstLimit: throttling.burst },
    ...(accessLog && { accessLogSettings: accessLog.settings }),
    ...(domain && { domainMapping: { domainName: domain.domainName } }),
  });
  acceptFrontDoorFindings(api);
  if (domain) stage.node.addDependency(domain.domainName);
  return {
    api,
    url: domain && options.domain ? `https://${options.domain.name}` : api.apiEndpoint,
    ...(domain && { domainTarget: domain.target }),
    ...(accessLog && { accessLog: accessLog.logGroup }),
    grantInvoke: (grantee) =>
      Grant.addToPrincipal({
        grantee,
        actions: ["execute-api:Invoke"],
        // Of its one stage, each method and path: the CDK's own grant of a default route has the path / alone.
        resourceArns: [
          Stack.of(scope).formatArn({ service: "execute-api", resource: api.apiId, resourceName: "*" }),
        ],
      }),
  };
}

function corsOf(cors: Cors): CorsPreflightOptions {
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAge } = cors;
  return {
    allowOrigins: [...allowOrigins],
    allowMethods: allowMethods.map((method) =>
      method === "*" ? CorsHttpMethod.ANY : (method as CorsHttpMethod),
    ),
    allowHeaders: [...allowHeaders],
    ...(exposeHeaders.length > 0 && { exposeHeaders: [...exposeHeaders] }),
    allowCredentials,
    maxAge,
  };
}
