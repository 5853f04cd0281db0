import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What a commit of this project has written, as text: frozen, so that what is read stays readable. A new form gets a new file, made by
 * the code that writes it; no file here is ever changed.
 */
export function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", `${name}.json`), "utf8")) as T;
}
