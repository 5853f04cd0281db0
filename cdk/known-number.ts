import { type Duration, type Size, Token } from "aws-cdk-lib";
import { ConfigurationError } from "./configuration-error.ts";

/** The number itself; throws a ConfigurationError for one that is known at deployment only, of which no rule can be checked. */
export function knownNumber(property: string, value: number): number {
  if (Token.isUnresolved(value)) throw unknown(property, "a number");
  return value;
}

/** As `knownNumber`, of a time. */
export function knownDuration(property: string, value: Duration): Duration {
  if (value.isUnresolved()) throw unknown(property, "a Duration of a number");
  return value;
}

/** As `knownNumber`, of a size. */
export function knownSize(property: string, value: Size): Size {
  if (value.isUnresolved()) throw unknown(property, "a Size of a number");
  return value;
}

function unknown(property: string, fix: string): ConfigurationError {
  return new ConfigurationError(
    `${property} is a token: it is known at deployment only, and must be checked before; give ${fix} that is written in the app`,
  );
}
