/**
 * Stands for `@aws-sdk/credential-provider-node` in the bundles of Lambda functions (`project/bundle.ts`): Lambda gives a function
 * its credentials in its environment, so that the SDK's search through profiles, sign-ons and metadata services finds nothing else,
 * and would be a sixth of the code that a function loads when it starts.
 */
import { required } from "./environment.ts";

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** As the SDK's: makes a provider of credentials. */
export function defaultProvider(): () => Promise<Credentials> {
  return async () => {
    const { AWS_SESSION_TOKEN: sessionToken } = process.env;
    return {
      accessKeyId: required("AWS_ACCESS_KEY_ID"),
      secretAccessKey: required("AWS_SECRET_ACCESS_KEY"),
      ...(sessionToken && { sessionToken }),
    };
  };
}

// Those of a function end with its process, and never before.
export const credentialsWillNeedRefresh = (): boolean => false;
export const credentialsTreatedAsExpired = (): boolean => false;
