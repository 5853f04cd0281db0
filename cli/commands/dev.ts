import { serve } from "../serve.ts";

/** `actors dev`: serves a project until a signal ends it, with the code of the last save. */
export function dev(args: readonly string[]): Promise<void> {
  return serve("dev", args);
}
