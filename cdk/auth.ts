import { Duration, Token } from "aws-cdk-lib";
import type { IHttpRouteAuthorizer } from "aws-cdk-lib/aws-apigatewayv2";
import {
  HttpIamAuthorizer,
  HttpJwtAuthorizer,
  HttpLambdaAuthorizer,
  HttpLambdaResponseType,
} from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { FunctionUrlAuthType, type IFunction } from "aws-cdk-lib/aws-lambda";
import { ConfigurationError } from "./configuration-error.ts";
import { knownDuration } from "./known-number.ts";

/** Whose tokens the front door takes. */
export interface JwtAuthOptions {
  /** Who signs them: the `iss` of the tokens, an `https` URL below which lies `.well-known/openid-configuration`. */
  readonly issuer: string;
  /** Whom they are meant for: a token must name one of these as its `aud` (or `client_id`, where it has no `aud`). */
  readonly audience: readonly string[];
  /**
   * A token must have one of these scopes.
   * @default none is asked for
   */
  readonly scopes?: readonly string[];
}

/** What a Lambda authorizer is asked, and how often. */
export interface LambdaAuthOptions {
  /**
   * Where a caller's identity stands, as API Gateway writes it: `$request.header.<name>`, `$request.querystring.<name>`,
   * `$context.<variable>`. A request that lacks one of them gets 401 and the function is not asked.
   * @default ["$request.header.Authorization"]
   */
  readonly identitySource?: readonly string[];
  /**
   * How long an answer holds for requests of the same identity, in whole seconds up to an hour. It holds for every path and method:
   * where they matter, put `$context.path` and `$context.httpMethod` into `identitySource`, or let nothing be kept.
   * @default Duration.seconds(0): each request is asked about
   */
  readonly resultsCacheTtl?: Duration;
}

/** The choices, by the names of their factories. */
export type AuthKind = "iam" | "jwt" | "lambda" | "none";

const MAX_CACHE_SECONDS = 3600;

/** How a front door carries a choice out. */
export interface AuthBinding {
  /** A new one for each API, as one of the CDK's serves one. Undefined: the API asks nobody. */
  readonly authorizer?: () => IHttpRouteAuthorizer;
  readonly scopes?: readonly string[];
  /** Undefined: a function URL can't do it. */
  readonly functionUrl?: FunctionUrlAuthType;
}

/** Who may call the front door. There is no default: say it out loud. */
export class Auth {
  /**
   * Callers of AWS: requests are signed (Signature Version 4) by a role or user that may call the front door, which
   * `StatefulActors.grantInvoke` lets them.
   */
  static iam(): Auth {
    return new Auth("iam", {
      authorizer: () => new HttpIamAuthorizer(),
      functionUrl: FunctionUrlAuthType.AWS_IAM,
    });
  }

  /**
   * Bearers of a token of one issuer, which API Gateway checks by itself: a user pool of Cognito, or any other provider of OpenID
   * Connect. Only for the front door `http-api`.
   *
   * Throws a ConfigurationError for an issuer that is no https URL or holds a password, and without an audience.
   */
  static jwt({ issuer, audience = [], scopes = [] }: JwtAuthOptions): Auth {
    checkIssuer(issuer);
    checkWords("audience", audience);
    checkWords("scopes", scopes);
    if (audience.length === 0) {
      throw new ConfigurationError(
        "Auth.jwt audience []: tokens that are meant for anybody else would be taken, too; name one, such as the client id of your app",
      );
    }
    const authorizer = () => new HttpJwtAuthorizer("Jwt", issuer, { jwtAudience: [...audience] });
    return new Auth("jwt", { authorizer, scopes });
  }

  /**
   * Whom a function of yours lets in. It is invoked with API Gateway's payload format 2.0, and answers
   * `{ isAuthorized: boolean, context?: { … } }`. Only for the front door `http-api`.
   *
   * Throws a ConfigurationError for a cache without an identity, and for one of more than an hour.
   *
   * @param fn of the same account and region; it lets API Gateway invoke it
   */
  static lambda(fn: IFunction, { identitySource, resultsCacheTtl }: LambdaAuthOptions = {}): Auth {
    const cache = checkedCache(resultsCacheTtl ?? Duration.seconds(0), identitySource);
    const authorizer = () =>
      new HttpLambdaAuthorizer("Lambda", fn, {
        ...(identitySource && { identitySource: [...identitySource] }),
        resultsCacheTtl: cache,
        responseTypes: [HttpLambdaResponseType.SIMPLE],
      });
    return new Auth("lambda", { authorizer });
  }

  /** Anyone who knows the URL, unless the project's own `fetch` handler refuses them. */
  static none(): Auth {
    return new Auth("none", { functionUrl: FunctionUrlAuthType.NONE });
  }

  readonly kind: AuthKind;
  readonly #binding: AuthBinding;

  private constructor(kind: AuthKind, binding: AuthBinding) {
    this.kind = kind;
    this.#binding = binding;
  }

  /** What the construct builds its front door from. */
  bind(): AuthBinding {
    return this.#binding;
  }
}

function checkIssuer(issuer: string): void {
  if (Token.isUnresolved(issuer)) return;
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  if (url !== undefined && (url.username !== "" || url.password !== "")) {
    // Not the issuer itself: it has a password.
    throw new ConfigurationError(
      `Auth.jwt issuer https://…@${url.host}${url.pathname}: an issuer is known by its URL alone, and a template is no place for a password; give the URL without user and password, as the tokens have it`,
    );
  }
  if (url?.protocol === "https:" && url.search === "" && url.hash === "" && !/\s/.test(issuer)) return;
  throw new ConfigurationError(
    `Auth.jwt issuer ${JSON.stringify(issuer)}: API Gateway fetches the issuer's keys over https; give its URL as the tokens have it, such as https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123`,
  );
}

function checkWords(property: string, words: readonly string[]): void {
  if (!Array.isArray(words)) {
    throw new ConfigurationError(
      `Auth.jwt ${property} ${JSON.stringify(words)}: it is a list of words; put it into [ ]`,
    );
  }
  const wrong = words.find((word) => !Token.isUnresolved(word) && !/^\S+$/.test(word));
  if (wrong === undefined) return;
  throw new ConfigurationError(
    `Auth.jwt ${property} ${JSON.stringify(wrong)}: tokens have words without spaces there; give such words, each by itself`,
  );
}

function checkedCache(ttl: Duration, identitySource: readonly string[] | undefined): Duration {
  const seconds = knownDuration("Auth.lambda resultsCacheTtl", ttl).toSeconds({ integral: false });
  if (!Number.isInteger(seconds) || seconds > MAX_CACHE_SECONDS) {
    throw new ConfigurationError(
      `Auth.lambda resultsCacheTtl ${seconds} s: API Gateway keeps answers for an hour at most; choose whole seconds from 0 to ${MAX_CACHE_SECONDS}`,
    );
  }
  if (seconds > 0 && identitySource?.length === 0) {
    throw new ConfigurationError(
      `Auth.lambda resultsCacheTtl ${seconds} s: without an identitySource one caller's answer would hold for all; name where the identity stands, or leave the cache out`,
    );
  }
  return ttl;
}
