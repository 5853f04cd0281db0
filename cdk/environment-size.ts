import { Annotations, Stack } from "aws-cdk-lib";
import { CfnFunction, type Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { ConfigurationError } from "./configuration-error.ts";

/** What Lambda takes of all variables of a function, in bytes of names and values. */
const MOST_BYTES = 4096;

/** About what a URL of a queue, an ARN or a name has that CloudFormation puts in. */
const GUESSED_BYTES = 80;

const FIX =
  "take variables out of [env_vars] or environment, have fewer or shorter named secrets and owners, or keep settings in a file of the project or in Parameter Store";

interface Size {
  /** Of what is known. */
  readonly bytes: number;
  /** How many pieces are known at deployment only. */
  readonly unknown: number;
}

/**
 * Throws a ConfigurationError where the variables of a function are known to be more than Lambda takes, and warns where they
 * probably are: the deployment would fail half way.
 */
export function checkEnvironmentSize(fn: LambdaFunction): void {
  const resource = fn.node.defaultChild;
  if (!(resource instanceof CfnFunction)) throw new Error(`${fn.node.path} is no function of its own`);
  const { variables = {} } = (Stack.of(fn).resolve(resource.environment) ?? {}) as {
    variables?: Readonly<Record<string, unknown>>;
  };
  const sizes = Object.entries(variables).map(([name, value]) => ({
    name,
    ...plus(sizeOf(name), sizeOf(value)),
  }));
  const { bytes, unknown } = sizes.reduce(plus, { bytes: 0, unknown: 0 });
  const [largest] = sizes.sort((a, b) => b.bytes - a.bytes);
  const most = `the largest is ${largest?.name}, with ${largest?.bytes}`;
  if (bytes > MOST_BYTES) {
    throw new ConfigurationError(
      `the environment of ${fn.node.path} has ${bytes} bytes and more: Lambda takes ${MOST_BYTES} for all variables of a function (${most}); ${FIX}`,
    );
  }
  const guessed = bytes + unknown * GUESSED_BYTES;
  if (guessed <= MOST_BYTES) return;
  Annotations.of(fn).addWarningV2(
    "stateful-actors:environment-size",
    `The environment of this function will have about ${guessed} bytes, and Lambda takes ${MOST_BYTES} for all variables of a function (${most}). To be safe: ${FIX}.`,
  );
}

function sizeOf(value: unknown): Size {
  if (typeof value === "string") return { bytes: Buffer.byteLength(value), unknown: 0 };
  const [separator, parts] = (value as { "Fn::Join"?: [string, unknown] } | null)?.["Fn::Join"] ?? [""];
  // A list may itself be known at deployment only.
  if (!Array.isArray(parts)) return { bytes: 0, unknown: 1 };
  const between = Buffer.byteLength(separator) * Math.max(0, parts.length - 1);
  return parts.map(sizeOf).reduce(plus, { bytes: between, unknown: 0 });
}

function plus(a: Size, b: Size): Size {
  return { bytes: a.bytes + b.bytes, unknown: a.unknown + b.unknown };
}
