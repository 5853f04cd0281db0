import { createInterface } from "node:readline/promises";
import { CommandError } from "./command-error.ts";

/**
 * Asks before something is gone for good.
 *
 * @param options.instead what was not done when the answer is not yes: "nothing was dropped"
 * @throws CommandError the answer was not yes, or nobody is here to be asked
 */
export async function confirm(
  question: string,
  { instead, what }: { instead: string; what: string },
): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new CommandError(
      `${what} is gone for good, and nobody is here to be asked: give --yes if it is meant`,
    );
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(`${question} (yes/no) `);
    if (answer.trim().toLowerCase() !== "yes") throw new CommandError(`${instead}: the answer was not yes`);
  } finally {
    prompt.close();
  }
}
