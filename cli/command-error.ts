/** A command can't do what it was asked for; the message names the value, the rule and the fix. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
