import { checkName } from "../runtime/core/actor-id.ts";
import { messageOf } from "../runtime/core/errors.ts";
import type { ActorId } from "../runtime/ports/mailbox.ts";
import { CommandError } from "./command-error.ts";

/**
 * The instance that a command's first two arguments name.
 *
 * @throws CommandError
 */
export function instanceOf(
  command: string,
  [type, name, ...others]: readonly string[],
): { readonly id: ActorId; readonly others: readonly string[] } {
  if (type === undefined || name === undefined) {
    throw new CommandError(
      `${command} needs to know which instance: give its type and its name, as in actors ${command} Account alice`,
    );
  }
  if (type === "" || type.includes("/")) {
    throw new CommandError(
      `${JSON.stringify(type)} is no type: give the name of an actor's class, such as Account`,
    );
  }
  try {
    checkName(name);
  } catch (error) {
    throw new CommandError(messageOf(error), { cause: error });
  }
  return { id: { type, name }, others };
}

/**
 * @throws CommandError there are more arguments than the command takes
 */
export function refuseMore(command: string, [first]: readonly string[], meant: string): void {
  if (first === undefined) return;
  throw new CommandError(`${command} takes no ${JSON.stringify(first)} after type and name: ${meant}`);
}
