import { serve } from "../serve.ts";

/** `actors start`: serves a project until a signal ends it, with the code that there is. */
export function start(args: readonly string[]): Promise<void> {
  return serve("start", args);
}
