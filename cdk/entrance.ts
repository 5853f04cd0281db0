import type { HttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import type { Grant, IGrantable } from "aws-cdk-lib/aws-iam";
import type { LogGroup } from "aws-cdk-lib/aws-logs";

/** What takes requests for the router. */
export interface Entrance {
  /** The HTTP API; absent where it is the function's own URL. */
  readonly api?: HttpApi;
  /** Where it answers, without a slash at its end. */
  readonly url: string;
  /** The host to which a name of one's own must point. */
  readonly domainTarget?: string;
  readonly accessLog?: LogGroup;
  /** Lets somebody call it whose signature it asks for. */
  readonly grantInvoke: (grantee: IGrantable) => Grant;
}
