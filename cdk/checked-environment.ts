import { Token } from "aws-cdk-lib";
import { ENV_NAME_RULE, isEnvName, isReservedEnvName } from "../project/manifest.ts";
import { ConfigurationError } from "./configuration-error.ts";

/** Throws a ConfigurationError for a variable that Lambda does not take. */
export function checkEnvironment(
  variables: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(variables)) {
    if (!isEnvName(name))
      throw new ConfigurationError(`environment ${JSON.stringify(name)}: ${ENV_NAME_RULE}`);
    if (isReservedEnvName(name)) {
      throw new ConfigurationError(`environment ${name}: Lambda keeps that name for itself; rename it`);
    }
    if (!Token.isUnresolved(value) && (typeof value !== "string" || value.includes("\0"))) {
      throw new ConfigurationError(`environment ${name}: the value must be a text; give a string`);
    }
  }
  return variables;
}
