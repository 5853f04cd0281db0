import { Duration, Fn } from "aws-cdk-lib";
import type { Grant, IGrantable } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import type { AuthKind } from "./auth.ts";
import { callStatements } from "./call-target.ts";
import { type CallerProps, callerEnvironment } from "./caller-environment.ts";
import { ConfigurationError } from "./configuration-error.ts";
import type { Entrance } from "./entrance.ts";
import { functionEnvironment } from "./environment.ts";
import { addFunctionUrl } from "./function-url.ts";
import { HandlerFunction } from "./handler-function.ts";
import { createHttpApi, type HttpApiOptions } from "./http-api.ts";
import { secretAccess } from "./secrets.ts";

/** What stands before the router: an HTTP API, or the function's own URL. */
export type FrontDoorKind = "http-api" | "function-url";

export interface FrontDoorProps extends CallerProps, Omit<HttpApiOptions, "description"> {
  readonly kind: FrontDoorKind;
  /** In MiB. */
  readonly memory: number;
  /** Requests under way at once; undefined: as many as the account has room for. */
  readonly reservedConcurrency: number | undefined;
  /** Whether calls of `stateful-actors/client` are taken over HTTP; undefined: the router decides. */
  readonly httpCalls: boolean | undefined;
  /** In bytes; undefined: what fits into an envelope. */
  readonly maxBodyBytes: number | undefined;
}

/** The router, and what takes requests for it: every request becomes an envelope, every reply an answer. */
export class FrontDoor extends Construct {
  readonly function: LambdaFunction;
  readonly entrance: Entrance;
  readonly #auth: AuthKind;

  constructor(scope: Construct, id: string, props: FrontDoorProps) {
    super(scope, id);
    const { project, target, owners, httpCalls, maxBodyBytes, kind, cors } = props;
    const secrets = secretAccess(this, { manifest: project.manifest, given: props.secrets, reader: "fetch" });
    const targets = [target, ...[...owners.values()].map(({ callTarget }) => callTarget)];
    this.function = new HandlerFunction(this, "Handler", {
      ...props,
      handler: "router",
      description: `Router of ${project.manifest.name}: turns HTTP requests into calls of its actors`,
      // The longest that an HTTP API waits for its integration.
      timeout: Duration.seconds(30),
      statements: [...targets.flatMap(callStatements), ...secrets.statements],
      environment: functionEnvironment({
        project: project.manifest.envVars,
        property: props.givenVariables,
        own: {
          ...callerEnvironment(this, props),
          SECRET_IDS: secrets.ids,
          HTTP_CALLS: httpCalls === undefined ? undefined : httpCalls ? "1" : "0",
          // Also of a list that is known at deployment only.
          FRONT_DOOR_ORIGINS: cors && Fn.join(" ", [...cors.allowOrigins]),
          MAX_BODY_BYTES: maxBodyBytes === undefined ? undefined : `${maxBodyBytes}`,
        },
      }),
    }).function;
    this.entrance =
      kind === "function-url"
        ? addFunctionUrl(this.function, props)
        : createHttpApi(this, this.function, {
            ...props,
            description: `Front door of ${project.manifest.name}`,
          });
    this.#auth = props.auth.kind;
  }

  /** Lets somebody call a front door of `Auth.iam`; throws a ConfigurationError for others. */
  grantInvoke(grantee: IGrantable): Grant {
    if (this.#auth === "iam") return this.entrance.grantInvoke(grantee);
    throw new ConfigurationError(
      `grantInvoke of ${this.node.path} with Auth.${this.#auth}: it looks at no rights of AWS; choose Auth.iam(), or leave the grant out`,
    );
  }
}
