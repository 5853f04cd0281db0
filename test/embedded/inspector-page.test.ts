import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { inspectorPage } from "../../cli/inspector-page.ts";
import { type EmbeddedServer, IN_MEMORY, startEmbedded } from "../../handlers/embedded.ts";
import { createTurnFeed } from "../../handlers/turn-feed.ts";
import { StatefulActor } from "../../runtime/index.ts";
import { attempt } from "../endpoints/attempt.ts";
import { startBrowser } from "../endpoints/browser.ts";
import { describeWith } from "../endpoints/gate.ts";
import { logFile } from "../endpoints/shared-servers.ts";

class Cart extends StatefulActor {
  async add(item: string, count: number) {
    await this.ctx.storage.put(item, { count });
    return `${count} of ${item}`;
  }
  async sell() {
    throw new Error("nothing <b>sold</b>");
  }
}

/** What the page shows soon, or the test fails. */
const SOON_MS = 120_000;

const browser = await attempt(() => startBrowser({ log: logFile("browser") }));

describeWith<Browser>(browser, "the inspector's page, in a browser", (browser) => {
  let server: EmbeddedServer;

  beforeAll(async () => {
    const feed = createTurnFeed(() => performance.timeOrigin + performance.now());
    server = await startEmbedded({
      module: { Cart },
      actors: [{ binding: "CART", type: "Cart" }],
      stateFile: IN_MEMORY,
      port: 0,
      host: "127.0.0.1",
      inspector: { feed, page: inspectorPage },
    });
    for (const name of ["alice", "bob", "<i>carol</i>"]) await add(name, "pear", 3);
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  async function add(name: string, item: string, count: number): Promise<void> {
    const path = `/Cart/${encodeURIComponent(name)}/add`;
    const { status } = await fetch(new URL(path, server.url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify([item, count]),
    });
    expect(status).toBe(200);
  }

  /** The page, once it is live. What it complains of, and whom it asks, is looked at when the test ends. */
  async function open(colorScheme: "light" | "dark" = "light"): Promise<Page> {
    const context = await browser.newContext({ colorScheme });
    context.setDefaultTimeout(SOON_MS);
    const page = await context.newPage();
    const complaints: string[] = [];
    const hosts = new Set<string>();
    page.on("console", (said) => {
      if (said.type() === "error" || said.type() === "warning") complaints.push(said.text());
    });
    page.on("pageerror", ({ message }) => complaints.push(message));
    page.on("request", (request) => hosts.add(new URL(request.url()).host));
    onTestFinished(async () => {
      await context.close();
      expect(complaints).toEqual([]);
      expect([...hosts]).toEqual([new URL(server.url).host]);
    });
    await page.goto(`${server.url}/__actors`);
    await page.locator("#state", { hasText: /^live$/ }).waitFor();
    return page;
  }

  const chooseIn = (page: Page, name: string) =>
    page.getByRole("navigation").getByRole("button", { name }).click();
  const rowOf = (page: Page, table: "#keys" | "#log", ...cells: string[]) =>
    cells.reduce(
      (rows, text) => rows.filter({ has: page.getByRole("cell", { name: text, exact: true }) }),
      page.locator(`${table} tr`),
    );

  test("lists instances by name, and shows what the chosen one holds", async () => {
    const page = await open();
    await chooseIn(page, "bob");
    await page.getByRole("heading", { name: "Cart/bob" }).waitFor();
    await rowOf(page, "#keys", "pear", "{ count: 3 }").waitFor();
    expect(await page.locator("#instances button .name").allTextContents()).toEqual([
      "<i>carol</i>",
      "alice",
      "bob",
    ]);
  });

  test("follows what others do: a new instance, a new value, a turn", async () => {
    const page = await open();
    await chooseIn(page, "alice");
    await rowOf(page, "#keys", "pear", "{ count: 3 }").waitFor();
    await add("alice", "plum", 5);
    await rowOf(page, "#keys", "plum", "{ count: 5 }").waitFor();
    await add("dave", "fig", 1);
    await page.getByRole("navigation").getByRole("button", { name: "dave" }).waitFor();
    await rowOf(page, "#log", "Cart/dave", "add", "outside", "ok").waitFor();
  });

  test("calls a method from the form, by keyboard alone, and lists its turn", async () => {
    const page = await open();
    // From the top of the page the first stop leads past the list.
    await page.keyboard.press("Tab");
    expect(await page.locator(":focus").textContent()).toBe("To the instance");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await page.locator(":focus").getAttribute("id")).toBe("call-name");
    await page.keyboard.type("erin");
    await page.keyboard.press("Tab");
    await page.keyboard.type("add");
    await page.keyboard.press("Tab");
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type('["apple", 7]');
    await page.keyboard.press("Enter");
    await page.locator("#answer", { hasText: "7 of apple" }).waitFor();
    await page.getByRole("heading", { name: "Cart/erin" }).waitFor();
    await rowOf(page, "#keys", "apple", "{ count: 7 }").waitFor();
    await rowOf(page, "#log", "Cart/erin", "add", "ok").waitFor();
  });

  test("shows how a call failed, and nothing of it is read as HTML", async () => {
    const page = await open();
    await chooseIn(page, "<i>carol</i>");
    await page.getByLabel("Method").selectOption("sell");
    await page.getByRole("button", { name: "Call" }).click();
    await page.locator("#answer", { hasText: "ActorMethodError: nothing <b>sold</b>" }).waitFor();
    const outcome = "ActorMethodError: nothing <b>sold</b>";
    await rowOf(page, "#log", "Cart/<i>carol</i>", "sell", outcome).waitFor();
    expect(await page.locator("b, i").count()).toBe(0);
  });

  test.each([
    ["light", 1],
    ["dark", 0],
  ] as const)("is %s where the system is, and can be read", async (scheme, ground) => {
    const page = await open(scheme);
    await chooseIn(page, "bob");
    await rowOf(page, "#keys", "pear", "{ count: 3 }").waitFor();
    expect(Math.round(luminance(await colour(page, "body", "background-color")))).toBe(ground);
    for (const text of ["#title", "#keys td", "#state", "nav label"]) {
      expect(await contrast(page, text), text).toBeGreaterThanOrEqual(4.5);
    }
  });

  async function colour(page: Page, selector: string, property: string): Promise<number[]> {
    const found = await page.evaluate<string>(
      `getComputedStyle(document.querySelector("${selector}")).getPropertyValue("${property}")`,
    );
    return (found.match(/[\d.]+/g) ?? []).map(Number);
  }

  /** Of a text on the page's ground, as WCAG counts it. */
  async function contrast(page: Page, selector: string): Promise<number> {
    const both = [await colour(page, selector, "color"), await colour(page, "body", "background-color")];
    const [light = 0, dark = 0] = both.map(luminance).sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  }
});

/** From 0, black, to 1, white. */
function luminance([red = 0, green = 0, blue = 0]: readonly number[]): number {
  const linear = (part: number) =>
    part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}
