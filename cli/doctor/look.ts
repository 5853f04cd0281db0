import { messageOf } from "../../runtime/core/errors.ts";
import type { Seen } from "./description.ts";

/** Asks for one thing after the other; a refusal, or an output that is not there, is an answer, too. */
export class Look {
  readonly #outputs: ReadonlyMap<string, string>;

  constructor(outputs: ReadonlyMap<string, string>) {
    this.#outputs = outputs;
  }

  output(name: string): Seen<string> {
    const value = this.#outputs.get(name);
    return value === undefined ? { unseen: `the stack has no output ${name}` } : { seen: value };
  }

  /** @param rights what AWS must allow for it, so that the operator can ask for them */
  async at<T>(
    rights: string,
    outputs: readonly string[],
    ask: (...values: string[]) => Promise<T>,
  ): Promise<Seen<T>> {
    const values: string[] = [];
    for (const name of outputs) {
      const value = this.output(name);
      if ("unseen" in value) return value;
      values.push(value.seen);
    }
    return seeing(rights, () => ask(...values));
  }
}

/** What is asked for, or why it did not come. */
export async function seeing<T>(rights: string, ask: () => Promise<T>): Promise<Seen<T>> {
  try {
    return { seen: await ask() };
  } catch (error) {
    const name = error instanceof Error ? `${error.name}: ` : "";
    return { unseen: `it takes the rights ${rights}, and AWS answered ${name}${messageOf(error)}` };
  }
}
