/** A setting that can't be deployed: the message names the value, the rule and the fix in one line. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}
