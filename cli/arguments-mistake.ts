/**
 * What `parseArgs` of Node did not understand, in one line for the developer.
 * @throws the error itself when it is none of `parseArgs`
 */
export function argumentsMistake(error: unknown): string {
  if (!(error instanceof TypeError)) throw error;
  // Node explains several ways to write an argument; its first sentence says what is wrong.
  const [what] = error.message.split(/\.\s/, 1);
  return `${what}: see --help for the options there are`;
}
