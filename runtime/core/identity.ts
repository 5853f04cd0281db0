/** The header in which a deployed front door tells the project's `fetch` handler whom it has let in. */
export const IDENTITY_HEADER = "actors-identity";

/** Who made a request, as the front door's authorizer found out. */
export type Identity =
  /** `Auth.iam()`: whose signature it bears. */
  | {
      readonly kind: "iam";
      readonly accountId: string;
      readonly userArn: string;
      /** Unlike the ARN, never given to another one again. */
      readonly userId: string;
      /** Of a user of a Cognito identity pool. */
      readonly cognitoIdentityId?: string;
    }
  /** `Auth.jwt(…)`: what the token says. API Gateway makes texts of all values, a list is `[a b]`. */
  | {
      readonly kind: "jwt";
      readonly claims: Readonly<Record<string, string>>;
      readonly scopes: readonly string[];
    }
  /** `Auth.lambda(…)`: what the function has put into `context`. */
  | { readonly kind: "lambda"; readonly context: Readonly<Record<string, unknown>> };

/**
 * Who made the request that a project's own `fetch` handler has got; undefined where nobody was asked (`Auth.none()`).
 *
 * Deployed, it can't be forged: what a client sends in its place is taken away. `actors dev` and `actors start` have no authorizer, and take what the request
 * says of itself (header `actors-identity`, this object as JSON), so that handlers can be tried.
 *
 * An actor's `fetch` finds what its caller hands on: a `fetch` handler or another actor, which are the project's own code, or a program that
 * is past the front door (a bound function, `connect({ router })`). For a program that calls through the front door (`connect({ url })`) it is
 * who the front door has let in, whatever the program says.
 */
export function identityOf(request: Request): Identity | undefined {
  const text = request.headers.get(IDENTITY_HEADER);
  if (text === null) return undefined;
  try {
    const found: unknown = JSON.parse(text);
    return isIdentity(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

function isIdentity(value: unknown): value is Identity {
  if (!isRecord(value)) return false;
  const { kind, accountId, userArn, userId, claims, scopes, context } = value;
  if (kind === "iam") return [accountId, userArn, userId].every((each) => typeof each === "string");
  if (kind === "jwt") return isRecord(claims) && Array.isArray(scopes);
  return kind === "lambda" && isRecord(context);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An identity as a header has it: ASCII. */
export function identityText(identity: Identity): string {
  return JSON.stringify(identity).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
