import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ApiAddress, apiClient } from "../endpoints/api-client.ts";
import { bootstrap, runCdk } from "../endpoints/deployment.ts";
import { mustRun } from "./package.ts";

const CHECKOUT = join(import.meta.dirname, "../..");

type Outputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A CDK app in a folder of its own, which knows this package only as npm installs it. */
export class CdkApp {
  readonly #endpoint: string;
  readonly #folder: string;

  private constructor(endpoint: string, folder: string) {
    this.#endpoint = endpoint;
    this.#folder = folder;
  }

  /** Makes the app from `app/`, with nothing of this package installed. */
  static async make(endpoint: string, folder: string): Promise<CdkApp> {
    await cp(join(import.meta.dirname, "app"), folder, { recursive: true });
    const { devDependencies } = JSON.parse(await readFile(join(CHECKOUT, "package.json"), "utf8"));
    const { "aws-cdk-lib": lib, constructs } = devDependencies;
    const dependencies = { "aws-cdk-lib": lib, constructs };
    const manifest = { name: "upgraded", private: true, type: "module", dependencies };
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    await bootstrap(endpoint);
    return new CdkApp(endpoint, folder);
  }

  /** Installs a packed package, in the place of the one that is there. */
  async install(tarball: string): Promise<void> {
    await mustRun("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], this.#folder);
  }

  /** Changes a file of the app, as its author would. */
  async edit(file: string, change: (text: string) => string): Promise<void> {
    const path = join(this.#folder, file);
    const text = await readFile(path, "utf8");
    const changed = change(text);
    if (changed === text) throw new Error(`nothing in ${file} was changed`);
    await writeFile(path, changed);
  }

  /** Deploys all stacks. @returns their outputs */
  async deploy(): Promise<Outputs> {
    const file = join(this.#folder, "outputs.json");
    await this.#cdk(
      "deploy",
      "--all",
      "--concurrency",
      "3",
      "--require-approval",
      "never",
      "--outputs-file",
      file,
    );
    return JSON.parse(await readFile(file, "utf8")) as Outputs;
  }

  async destroy(): Promise<void> {
    await this.#cdk("destroy", "--all", "--force");
  }

  async #cdk(command: string, ...args: readonly string[]): Promise<void> {
    await runCdk(this.#endpoint, [command, ...args, "--app", "node app.ts"], this.#folder);
  }

  /** Calls a method at the built-in door of a stack; with a key, under it. */
  caller(url: string | undefined): Call {
    const address: ApiAddress = { endpoint: this.#endpoint, host: new URL(url ?? "").host };
    const request = apiClient(address);
    return async (type, name, method, args = [], key) => {
      const headers = key === undefined ? {} : { "idempotency-key": key };
      const answer = await request("POST", `/${type}/${name}/${method}`, JSON.stringify(args), {
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(JSON.stringify(args))),
        ...headers,
      });
      if (answer.status !== 200)
        throw new Error(`${type}/${name}/${method}: ${answer.status} ${answer.text}`);
      return answer.json();
    };
  }
}

export type Call = (
  type: string,
  name: string,
  method: string,
  args?: readonly unknown[],
  key?: string,
) => Promise<unknown>;
