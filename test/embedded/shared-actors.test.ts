import { expect, test } from "vitest";
import { connect } from "../../runtime/client.ts";
import { projectFolder } from "../unit/project/project-folder.ts";
import { startDev } from "./dev-server.ts";

/** A project that exports one of the types `Host` and `Guest`, and only declares the other. */
function project(own: "Host" | "Guest"): string {
  return projectFolder({
    "actors.toml": `name = "${own.toLowerCase()}-svc"
main = "src/index.ts"

[[actors]]
binding = "HOST"
type = "Host"

[[actors]]
binding = "GUEST"
type = "Guest"
`,
    "src/index.ts": `import { StatefulActor } from "stateful-actors";
export class ${own} extends StatefulActor<any> {
  async note(text: unknown) {
    const notes = [...(await this.notes()), text];
    await this.ctx.storage.put("notes", notes);
    return notes.length;
  }
  async notes(): Promise<unknown[]> {
    return (await this.ctx.storage.get<unknown[]>("notes")) ?? [];
  }
  async noteAt(binding: string, name: string, text: unknown) {
    return this.env[binding].idFromName(name).note(text);
  }
  async keyedNoteAt(binding: string, name: string, text: unknown) {
    return this.env[binding].idFromName(name).with({ idempotencyKey: "one" }).note(text);
  }
  async tell(binding: string, name: string, texts: unknown[], fail: boolean) {
    for (const text of texts) await this.env[binding].idFromName(name).send.note(text);
    if (fail) throw new Error("failed after the sending");
  }
  async mirror(binding: string, name: string) {
    const response = await this.env[binding].idFromName(name).fetch("https://it/a?b", { method: "PUT", body: "ab" });
    return [response.status, await response.text(), response.headers.getSetCookie()];
  }
  async fetch(request: Request) {
    const text = [request.method, request.url, await request.text()].join(" ");
    return new Response(text, { status: 207, headers: [["set-cookie", "one=1"], ["set-cookie", "two=2"]] });
  }
  /** Goes over instances of both types: pairs of a binding and a name. */
  async around(ways: [string, string][]): Promise<string> {
    const [next, ...rest] = ways;
    if (next === undefined) return this.ctx.id;
    return this.env[next[0]].idFromName(next[1]).around(rest);
  }
}
`,
  });
}

interface Shared {
  note(text: unknown): Promise<number>;
  notes(): Promise<unknown[]>;
  noteAt(binding: string, name: string, text: unknown): Promise<number>;
  keyedNoteAt(binding: string, name: string, text: unknown): Promise<number>;
  tell(binding: string, name: string, texts: unknown[], fail: boolean): Promise<void>;
  mirror(binding: string, name: string): Promise<unknown[]>;
  around(ways: [string, string][]): Promise<string>;
}

/** Both servers on one state folder, as two terminals have them. */
async function bothServers() {
  const state = projectFolder({});
  const start = (dir: string) => startDev({ args: [dir, "--port", "0", "--state", state], cwd: state });
  const guestServer = await start(project("Guest"));
  const hostDir = project("Host");
  let hostServer = await start(hostDir);
  return {
    stopHost: () => hostServer.stop(),
    restartHost: async () => {
      hostServer = await start(hostDir);
    },
    guest: (name: string) => connect({ url: guestServer.url }).namespace<Shared>("Guest").idFromName(name),
    host: (name: string) => connect({ url: hostServer.url }).namespace<Shared>("Host").idFromName(name),
    /** The owner's instances, asked for at the server that only refers to them. */
    hostByGuest: (name: string) =>
      connect({ url: guestServer.url }).namespace<Shared>("Host").idFromName(name),
  };
}

test("a project that only declares a type reaches the owner's instances: calls, keys, messages, fetch", async () => {
  const { guest, host, hostByGuest } = await bothServers();
  expect(await guest("g").noteAt("HOST", "h", new Map([[1, 2n]]))).toBe(1);
  expect(await hostByGuest("h").note("from outside")).toBe(2);
  expect(await host("h").notes()).toEqual([new Map([[1, 2n]]), "from outside"]);

  expect(await guest("g").keyedNoteAt("HOST", "keyed", "x")).toBe(1);
  expect(await guest("g").keyedNoteAt("HOST", "keyed", "x")).toBe(1);
  expect(await host("keyed").notes()).toEqual(["x"]);

  await expect(guest("g").tell("HOST", "told", ["a", "b", "c"], true)).rejects.toThrow("after the sending");
  await guest("g").tell("HOST", "told", [1, 2, 3], false);
  await expect.poll(() => host("told").notes()).toEqual([1, 2, 3]);

  expect(await guest("g").mirror("HOST", "h")).toEqual([207, "PUT https://it/a?b ab", ["one=1", "two=2"]]);
});

test("a cycle over both servers fails at once, naming the chain; one without goes through", async () => {
  const { guest } = await bothServers();
  expect(
    await guest("a").around([
      ["HOST", "b"],
      ["GUEST", "c"],
    ]),
  ).toBe("c");
  await expect(
    guest("a").around([
      ["HOST", "b"],
      ["GUEST", "a"],
    ]),
  ).rejects.toThrow("Guest/a → Host/b → Guest/a");
});

test("while the owner does not run, calls are refused; once it is back, under another port, they go through", async () => {
  const { guest, host, stopHost, restartHost } = await bothServers();
  await stopHost();
  await expect(guest("g").noteAt("HOST", "h", 1)).rejects.toThrow(/"Host" is declared here.*does not run/);
  await restartHost();
  expect(await guest("g").noteAt("HOST", "h", 1)).toBe(1);
  expect(await host("h").notes()).toEqual([1]);
});
