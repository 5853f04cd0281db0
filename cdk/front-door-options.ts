import type { Size } from "aws-cdk-lib";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Auth } from "./auth.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { type CorsOptions, checkedCors } from "./cors.ts";
import type { DomainOptions } from "./custom-domain.ts";
import type { FrontDoorKind, FrontDoorProps } from "./front-door.ts";
import { knownSize } from "./known-number.ts";
import { checkedThrottling, THROTTLING, type Throttling } from "./throttling.ts";

/** What requests from outside pass before they reach the router. */
export interface FrontDoorOptions {
  /**
   * Who may call the front door: `Auth.iam()`, `Auth.jwt(…)`, `Auth.lambda(…)` or `Auth.none()`. Who was let in, a `fetch` handler of the
   * project learns from `identityOf(request)`. Programs that call past the front door need rights of AWS: see `bind`, and
   * `connect({ router })` of `stateful-actors/client`.
   */
  readonly auth: Auth;
  /**
   * What takes requests from outside: an HTTP API, or the router's own function URL, which saves the API's price of a request (a dollar
   * a million) and some milliseconds, and lacks what an API can be given: `Auth.jwt` and `Auth.lambda`, a domain of your own, throttling, an
   * access log. Changing it changes the URL.
   * @default "http-api"
   */
  readonly frontDoor?: FrontDoorKind;
  /**
   * Which pages of other sites may call from a browser.
   * @default none: browsers refuse it to all
   */
  readonly cors?: CorsOptions;
  /**
   * How many requests the HTTP API hands on. What is over gets 429 and does not run. A function URL has no such thing.
   * @default { rate: 1000, burst: 1000 }, a tenth of what AWS gives an account and region for all its APIs together
   */
  readonly throttling?: Throttling;
  /**
   * The largest body of a request, from one byte to 1 MiB, which is what fits into an envelope. The router answers what is larger with 413, and
   * nothing of the project sees it. (The API itself takes 10 MB, of which Lambda is handed 6.)
   * @default Size.mebibytes(1)
   */
  readonly maxBodySize?: Size;
  /**
   * A line for each request to the HTTP API, also those that it turned away, in a log group of its own, kept for as long as the others: when, method, status, how
   * long, how many bytes, what went wrong. Not the path, nor anything that a caller sends, which hold names and values, nor his address. It
   * costs about 14 cents a million requests.
   * @default true; a function URL has none
   */
  readonly accessLog?: boolean;
  /**
   * A name of your own for the HTTP API. The one that AWS gives it is then closed.
   * @default the name that AWS gives it
   */
  readonly domain?: DomainOptions;
}

type Checked = Pick<
  FrontDoorProps,
  "kind" | "auth" | "cors" | "throttling" | "maxBodyBytes" | "accessLogRetention" | "domain"
>;

const MAX_BODY_BYTES = 1024 * 1024;

/** With the defaults; throws a ConfigurationError for what the chosen front door can't do. */
export function checkedFrontDoor(options: FrontDoorOptions, logRetention: RetentionDays): Checked {
  const { frontDoor = "http-api", cors, throttling, maxBodySize, accessLog = true, domain } = options;
  if (frontDoor !== "http-api" && frontDoor !== "function-url") {
    throw new ConfigurationError(
      `frontDoor ${frontDoor}: there is no such front door; choose http-api or function-url`,
    );
  }
  if (frontDoor === "function-url") refuseForUrl(options);
  return {
    kind: frontDoor,
    auth: options.auth,
    cors: cors && checkedCors(cors, { auth: options.auth.kind, isHttpApi: frontDoor === "http-api" }),
    throttling: checkedThrottling(throttling ?? THROTTLING),
    maxBodyBytes: maxBodySize && checkedBodySize(maxBodySize),
    accessLogRetention: accessLog ? logRetention : undefined,
    domain,
  };
}

function refuseForUrl({ throttling, accessLog, domain }: FrontDoorOptions): void {
  const asked = { throttling, accessLog: accessLog || undefined, domain };
  const [property] = Object.entries(asked).find(([, value]) => value !== undefined) ?? [];
  if (property === undefined) return;
  throw new ConfigurationError(
    `${property} with the front door function-url: a function URL has no ${property}; leave it out, or choose http-api`,
  );
}

function checkedBodySize(size: Size): number {
  const bytes = knownSize("maxBodySize", size).toBytes();
  if (Number.isInteger(bytes) && bytes >= 1 && bytes <= MAX_BODY_BYTES) return bytes;
  throw new ConfigurationError(
    `maxBodySize ${bytes} bytes: a request must fit into an envelope; choose a size from one byte to 1 MiB`,
  );
}
