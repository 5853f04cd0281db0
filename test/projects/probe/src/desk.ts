import { type ActorNamespace, StatefulActor } from "stateful-actors";

interface Env {
  DESK: ActorNamespace<Desk>;
}

/** Takes notes, and does with calls whatever the call suite needs to see. */
export class Desk extends StatefulActor<Env> {
  async echo(...args: unknown[]) {
    return args;
  }
  async name() {
    return this.ctx.id;
  }
  /** Adds a note; answers how many there are. */
  async note(text: unknown) {
    const notes = [...(await this.notes()), text];
    await this.ctx.storage.put("notes", notes);
    return notes.length;
  }
  async notes(): Promise<unknown[]> {
    return (await this.ctx.storage.get<unknown[]>("notes")) ?? [];
  }
  async noteSlowly(text: string, ms: number) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return this.note(text);
  }
  /** The time at which it ran, as a note. */
  async noteTime() {
    await this.note(Date.now());
  }
  /** Its message is another one with every run. */
  async fail(message: string) {
    await this.note("must not stay");
    throw new RangeError(`${message} ${crypto.randomUUID()}`);
  }
  async refuse(to: string) {
    await (this.env.DESK.idFromName(to) as unknown as { _own(): Promise<void> })._own();
  }
  async _own() {
    return "secret";
  }
  /** Sends a note for each text, and fails then if told so. */
  async tell(to: string, texts: readonly unknown[], { fail = false } = {}) {
    for (const text of texts) await this.env.DESK.idFromName(to).send.note(text);
    if (fail) throw new Error("failed after the sending");
    return this.note("told");
  }
  /** Goes from desk to desk through their `fetch`. */
  async visit(names: readonly string[]): Promise<string> {
    const [next, ...rest] = names;
    if (next === undefined) return this.ctx.id;
    const request = new Request("https://desk/visit", { method: "POST", body: JSON.stringify(rest) });
    return (await this.env.DESK.idFromName(next).fetch(request)).text();
  }

  override async fetch(request: Request): Promise<Response> {
    const { method, url, headers } = request;
    const body = new Uint8Array(await request.arrayBuffer());
    switch (new URL(url).pathname) {
      case "/visit":
        return new Response(await this.visit(JSON.parse(new TextDecoder().decode(body))));
      case "/note":
        return Response.json(await this.note("by fetch"));
      case "/empty":
        return new Response(null, { status: 204 });
      case "/throw":
        throw new TypeError("the handler threw");
      case "/mirror":
        return new Response(body.toReversed(), {
          status: 207,
          headers: [
            ["content-type", "application/x-mirror"],
            ["x-seen", JSON.stringify([method, url, headers.get("x-asked")])],
            ["set-cookie", "one=1"],
            ["set-cookie", "two=2; Path=/"],
          ],
        });
      default:
        return super.fetch(request);
    }
  }
}
