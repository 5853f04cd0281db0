import { type ParseArgsConfig, parseArgs } from "node:util";
import { argumentsMistake } from "./arguments-mistake.ts";

/**
 * The options and positional arguments of a command.
 *
 * @param Mistake the error of the command, thrown for arguments that are not understood
 */
export function parseArguments<const Options extends NonNullable<ParseArgsConfig["options"]>>(
  args: readonly string[],
  options: Options,
  Mistake: new (message: string, options: ErrorOptions) => Error,
) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw new Mistake(argumentsMistake(error), { cause: error });
  }
}
