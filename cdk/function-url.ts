import { Fn } from "aws-cdk-lib";
import {
  type FunctionUrlAuthType,
  type FunctionUrlCorsOptions,
  HttpMethod,
  type Function as LambdaFunction,
} from "aws-cdk-lib/aws-lambda";
import type { Auth } from "./auth.ts";
import { ConfigurationError } from "./configuration-error.ts";
import type { Cors } from "./cors.ts";
import type { Entrance } from "./entrance.ts";

/** Gives a function a URL of its own; throws a ConfigurationError for an `Auth` that it can't carry out. */
export function addFunctionUrl(
  fn: LambdaFunction,
  { auth, cors }: { readonly auth: Auth; readonly cors: Cors | undefined },
): Entrance {
  const functionUrl = fn.addFunctionUrl({ authType: authType(auth), ...(cors && { cors: corsOf(cors) }) });
  return {
    // It ends in a slash, which that of an API does not.
    url: `https://${Fn.select(2, Fn.split("/", functionUrl.url))}`,
    grantInvoke: (grantee) => functionUrl.grantInvokeUrl(grantee),
  };
}

function authType(auth: Auth): FunctionUrlAuthType {
  const { functionUrl } = auth.bind();
  if (functionUrl !== undefined) return functionUrl;
  throw new ConfigurationError(
    `frontDoor function-url with Auth.${auth.kind}: a function URL checks signatures of AWS, or nothing; choose Auth.iam(), Auth.none(), or the front door http-api`,
  );
}

function corsOf(cors: Cors): FunctionUrlCorsOptions {
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAge } = cors;
  return {
    allowedOrigins: [...allowOrigins],
    allowedMethods: allowMethods.map((method) => (method === "*" ? HttpMethod.ALL : (method as HttpMethod))),
    allowedHeaders: [...allowHeaders],
    ...(exposeHeaders.length > 0 && { exposedHeaders: [...exposeHeaders] }),
    allowCredentials,
    maxAge,
  };
}
