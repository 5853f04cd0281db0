import { StatefulActor } from "../../../runtime/index.ts";

/** What was reached that no caller may reach. */
export const breaches: string[] = [];
const breach = (what: string) => {
  breaches.push(what);
  return what;
};

/** Between the actor's class and the runtime's: its public methods are callable, and nothing else of it. */
class Safe extends StatefulActor<unknown> {
  static async open() {
    return breach("static of the base");
  }
  async combination() {
    return "public";
  }
  async _combination() {
    return breach("_combination of the base");
  }
}

/** An actor with everything that a class can have besides public methods. */
export class Vault extends Safe {
  static async whoami() {
    return breach("static");
  }
  readonly field = async () => breach("field");
  get getter() {
    return async () => breach("getter");
  }
  set setter(_: unknown) {
    breach("setter");
  }
  async #hidden() {
    return breach("#hidden");
  }
  async [Symbol.iterator as unknown as string]() {
    return breach("Symbol.iterator");
  }
  async _private() {
    await this.#hidden();
    return breach("_private");
  }
  override async fetch(): Promise<Response> {
    breach("fetch");
    return new Response();
  }
  override async alarm() {
    fired.push(Date.now());
  }
  async whoami() {
    await this.ctx.storage.put("name", this.ctx.id);
    return this.ctx.storage.get("name");
  }
  async echo(...args: unknown[]) {
    return args;
  }
}

/** When alarms were fired. */
export const fired: number[] = [];

/** Methods that callers may reach. */
export const PUBLIC = ["whoami", "echo", "combination"];
/** Names in the class that callers may not reach. */
export const GUARDED = ["open", "_combination", "field", "getter", "setter", "#hidden", "hidden", "_private"];
