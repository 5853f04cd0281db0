import { IDENTITY_HEADER, type Identity, identityText } from "../runtime/core/identity.ts";

/** What an HTTP API and a function URL hand over, as far as it says who calls. Payload format 2.0. */
interface AuthorizedEvent {
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly requestContext: { readonly authorizer?: unknown };
}

/** The event with the identity that the authorizer found as a header, and without what the client says of itself there. */
export function withCallerIdentity<Event extends AuthorizedEvent>(event: Event): Event {
  const own = Object.entries(event.headers ?? {}).filter(([name]) => name.toLowerCase() !== IDENTITY_HEADER);
  const identity = callerIdentity(event.requestContext.authorizer);
  const told = identity === undefined ? {} : { [IDENTITY_HEADER]: identityText(identity) };
  return { ...event, headers: { ...Object.fromEntries(own), ...told } };
}

interface Authorizer {
  readonly iam?: {
    readonly accountId: string;
    readonly userArn: string;
    readonly userId: string;
    readonly cognitoIdentity?: { readonly identityId?: string } | null;
  };
  readonly jwt?: { readonly claims: Record<string, string>; readonly scopes: string[] | null };
  readonly lambda?: Record<string, unknown> | null;
}

function callerIdentity(authorizer: unknown): Identity | undefined {
  const { iam, jwt, lambda } = (authorizer ?? {}) as Authorizer;
  if (iam) {
    const { accountId, userArn, userId, cognitoIdentity } = iam;
    const cognitoIdentityId = cognitoIdentity?.identityId;
    return { kind: "iam", accountId, userArn, userId, ...(cognitoIdentityId && { cognitoIdentityId }) };
  }
  if (jwt) return { kind: "jwt", claims: jwt.claims, scopes: jwt.scopes ?? [] };
  // There, and null, where the function gave no context.
  return lambda === undefined ? undefined : { kind: "lambda", context: lambda ?? {} };
}
