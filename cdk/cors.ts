import { Duration, Token } from "aws-cdk-lib";
import type { AuthKind } from "./auth.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { knownDuration } from "./known-number.ts";

/** Pages of which other sites may call the front door from a browser, and what they may send. */
export interface CorsOptions {
  /**
   * Origins such as `https://app.example`, or `*` for every site. An HTTP API also takes `https://*` and `http://*`, for all sites of
   * that scheme.
   */
  readonly allowOrigins: readonly string[];
  /** @default ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] */
  readonly allowMethods?: readonly string[];
  /**
   * @default what the built-in door reads: authorization, content-type, envelope-id, idempotency-key and prefer; with `Auth.iam()` what a
   * signature needs, too: x-amz-content-sha256, x-amz-date and x-amz-security-token
   */
  readonly allowHeaders?: readonly string[];
  /**
   * Headers of answers that a page may read.
   * @default none but those that browsers always show
   */
  readonly exposeHeaders?: readonly string[];
  /**
   * Whether browsers send cookies along. Needs origins by name.
   * @default false
   */
  readonly allowCredentials?: boolean;
  /**
   * How long a browser may remember the answer, in whole seconds up to a day. Each asking is a request that is paid for.
   * @default Duration.hours(1)
   */
  readonly maxAge?: Duration;
}

export type Cors = Required<CorsOptions>;

const MAX_AGE_SECONDS = 86_400;
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const HEADERS = ["authorization", "content-type", "envelope-id", "idempotency-key", "prefer"];
/** Beside `authorization`. */
const SIGNATURE_HEADERS = ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
const ALL_OF_A_SCHEME = ["https://*", "http://*"];

/** Whom pages of other sites would call. */
export interface CorsTarget {
  readonly auth: AuthKind;
  /** Or the function's own URL. */
  readonly isHttpApi: boolean;
}

/**
 * With the defaults; throws a ConfigurationError for what browsers or the front door would not take. What is known at deployment only is
 * taken as it is.
 */
export function checkedCors(options: CorsOptions, { auth, isHttpApi }: CorsTarget): Cors {
  const {
    allowOrigins = [],
    allowMethods = METHODS,
    allowHeaders = auth === "iam" ? [...HEADERS, ...SIGNATURE_HEADERS] : HEADERS,
    exposeHeaders = [],
    allowCredentials = false,
    maxAge = Duration.hours(1),
  } = options;
  if (allowOrigins.length === 0) {
    throw new ConfigurationError(
      "cors allowOrigins []: no site could call; name origins such as https://app.example, or leave cors out",
    );
  }
  const wildcards = isHttpApi ? ["*", ...ALL_OF_A_SCHEME] : ["*"];
  const origin = known(allowOrigins).find((each) => !wildcards.includes(each) && !isOrigin(each));
  if (origin !== undefined) {
    const fix =
      !isHttpApi && ALL_OF_A_SCHEME.includes(origin)
        ? "an HTTP API takes that, a function URL takes origins by name, or *"
        : "browsers send scheme, host and port; give an origin such as https://app.example, or *";
    throw new ConfigurationError(`cors allowOrigins ${JSON.stringify(origin)}: ${fix}`);
  }
  const wildcard = allowOrigins.find((each) => wildcards.includes(each));
  if (allowCredentials && wildcard !== undefined) {
    throw new ConfigurationError(
      `cors allowCredentials with the origin ${wildcard}: any site could call with the cookies of whoever visits it, and browsers refuse *; name the origins that may send cookies`,
    );
  }
  const method = known(allowMethods).find((each) => each !== "*" && !METHODS.includes(each));
  if (method !== undefined) {
    throw new ConfigurationError(
      `cors allowMethods ${JSON.stringify(method)}: it is none that a page asks for; choose from ${METHODS.join(", ")}, or *`,
    );
  }
  const seconds = knownDuration("cors maxAge", maxAge).toSeconds({ integral: false });
  if (!Number.isInteger(seconds) || seconds > MAX_AGE_SECONDS) {
    throw new ConfigurationError(
      `cors maxAge ${seconds} s: it may be a day at most; choose whole seconds from 0 to ${MAX_AGE_SECONDS}`,
    );
  }
  return { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAge };
}

/** Without what is known at deployment only, in whole or in part. */
function known(words: readonly string[]): readonly string[] {
  if (Token.isUnresolved(words)) return [];
  return words.filter((word) => !Token.isUnresolved(word));
}

function isOrigin(text: string): boolean {
  return /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
