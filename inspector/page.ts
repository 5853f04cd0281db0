import type { InstanceAnswer, ListAnswer, TurnsEvent } from "./answers.ts";
import { callMethod, listInstances, readInstance, readProject, turnEvents } from "./api.ts";
import { html, part } from "./elements.ts";
import { countdown, parseArguments, visible } from "./text.ts";
import { TurnsView } from "./turns-view.ts";

/** How soon after its turn an instance is read again, in ms: many turns are one reading. */
const AFTER_TURN_MS = 200;
/** How often what no turn tells is looked for, in ms. */
const LOOK_MS = 2_000;
const TICK_MS = 250;
/** How many instances, or keys, the server gives at a time. */
const PAGE_SIZE = 50;

const state = part("state", HTMLParagraphElement);
const mistake = part("mistake", HTMLParagraphElement);
const type = part("type", HTMLSelectElement);
const prefix = part("prefix", HTMLInputElement);
const list = part("instances", HTMLUListElement);
const listed = part("listed", HTMLParagraphElement);
const more = part("more", HTMLButtonElement);
const title = part("title", HTMLHeadingElement);
const facts = part("facts", HTMLDListElement);
const keys = part("keys", HTMLTableSectionElement);
const moreKeys = part("more-keys", HTMLButtonElement);
const callName = part("call-name", HTMLInputElement);
const method = part("method", HTMLSelectElement);
const args = part("args", HTMLInputElement);
const send = part("send", HTMLButtonElement);
const answer = part("answer", HTMLOutputElement);

let chosen: { readonly type: string; readonly name: string } | undefined;
let shown: InstanceAnswer | undefined;
/** The server's clock minus this page's, in ms. */
let ahead = 0;
let methods = new Map<string, readonly string[]>();
let listing: readonly ListAnswer["instances"][number][] = [];
/** Only the last list that was asked for is shown, however the answers come. */
let asked = 0;

const turns = new TurnsView(() => chosen && `${chosen.type}/${chosen.name}`);

async function showProject(): Promise<void> {
  const project = await readProject();
  mistake.hidden = project.mistake === undefined;
  mistake.textContent = project.mistake
    ? `The last save can't run, and every call is refused until one that can:\n${visible(project.mistake.name)}: ${project.mistake.message}`
    : "";
  methods = new Map(project.types.map((each) => [each.type, each.methods]));
  const names = project.types.map((each) => each.type);
  const before = type.value;
  if ([...type.options].map(({ value }) => value).join() !== names.join()) {
    type.replaceChildren(
      ...project.types.map((each) =>
        html("option", { value: each.type }, each.here ? each.type : `${each.type} (no class)`),
      ),
    );
    if (names.includes(before)) type.value = before;
  }
  showMethods();
  if (type.value !== before) await showList();
}

function showMethods(): void {
  const wanted = methods.get(type.value) ?? [];
  if ([...method.options].map(({ value }) => value).join() === wanted.join()) return;
  const before = method.value;
  method.replaceChildren(...wanted.map((name) => html("option", { value: name }, visible(name))));
  if (wanted.includes(before)) method.value = before;
}

async function showList(after?: string): Promise<void> {
  const number = ++asked;
  const query = { type: type.value, prefix: prefix.value };
  const page = await listInstances(after === undefined ? query : { ...query, after });
  if (number !== asked) return;
  listing = after === undefined ? page.instances : [...listing, ...page.instances];
  more.hidden = !page.more;
  listed.textContent = `${listing.length}${page.more ? " and more" : ""}`;
  const items = page.instances.map((each) => html("li", {}, instanceButton(each)));
  const focused = document.activeElement instanceof HTMLButtonElement && document.activeElement.dataset.name;
  if (after === undefined) list.replaceChildren(...items);
  else list.append(...items);
  markChosen();
  // Whoever goes through the list by keyboard stays where he is.
  if (after === undefined && typeof focused === "string") buttonOf(focused)?.focus();
}

function instanceButton({ name, version, alarm, depth }: ListAnswer["instances"][number]): HTMLButtonElement {
  const notes = [
    ...(alarm === undefined ? [] : ["alarm"]),
    ...(depth > 0 ? [`${depth} waiting`] : []),
    `v${version}`,
  ];
  const button = html(
    "button",
    { type: "button" },
    html("span", { class: "name" }, visible(name)),
    html("span", { class: "note" }, notes.join(", ")),
  );
  button.dataset.name = name;
  button.addEventListener("click", () => choose(name));
  return button;
}

function buttonOf(name: string): HTMLButtonElement | undefined {
  return [...list.querySelectorAll("button")].find((button) => button.dataset.name === name);
}

function markChosen(): void {
  for (const button of list.querySelectorAll("button")) {
    const isChosen = chosen?.type === type.value && button.dataset.name === chosen?.name;
    if (isChosen) button.ariaCurrent = "true";
    else button.removeAttribute("aria-current");
  }
}

function choose(name: string): void {
  chosen = { type: type.value, name };
  callName.value = name;
  markChosen();
  turns.redraw();
  void showInstance();
}

async function showInstance(after?: string): Promise<void> {
  if (!chosen) return;
  const wanted = chosen;
  const found = await readInstance(after === undefined ? wanted : { ...wanted, after });
  if (chosen !== wanted) return;
  ahead = found.now - Date.now();
  shown = found;
  title.textContent = `${wanted.type}/${visible(wanted.name)}`;
  showFacts();
  const rows = found.keys.map(({ key, bytes, value }) =>
    html(
      "tr",
      {},
      html("td", {}, visible(key)),
      html("td", {}, bytes.toLocaleString("en")),
      html("td", {}, html("pre", {}, value)),
    ),
  );
  if (after !== undefined) keys.append(...rows);
  else if (rows.length > 0) keys.replaceChildren(...rows);
  else keys.replaceChildren(html("tr", {}, html("td", { colspan: 3 }, "It holds nothing.")));
  moreKeys.hidden = !found.more;
}

function showFacts(): void {
  if (!shown) return;
  const { version, depth, alarm, outbox } = shown;
  const told: [string, string][] = [
    ["Version", String(version)],
    ["Mailbox", depth === 0 ? "empty" : `${depth} wait or run`],
    ["Alarm", alarm ? alarmText(alarm) : "none"],
    ...(outbox > 0 ? ([["Messages to leave", String(outbox)]] as [string, string][]) : []),
  ];
  facts.replaceChildren(
    ...told.map(([name, value]) => html("div", {}, html("dt", {}, name), html("dd", {}, value))),
  );
}

function alarmText({ at, retries }: { at: number; retries: number }): string {
  const failed = retries > 0 ? `, after ${retries} failed` : "";
  return `${countdown(at - Date.now() - ahead)} (${new Date(at).toLocaleString()})${failed}`;
}

async function call(): Promise<void> {
  const given = parseArguments(args.value);
  if (typeof given === "string") {
    tell("bad", given);
    args.focus();
    return;
  }
  send.disabled = true;
  tell("", "…");
  try {
    const called = { type: type.value, name: callName.value, method: method.value, args: given };
    const result = await callMethod(called);
    if (result.ok) tell("good", result.result);
    else tell("bad", `${result.error.name}: ${result.error.message}`);
    if (!listing.some(({ name }) => name === called.name)) await showList();
    choose(called.name);
  } catch (error) {
    tell("bad", String(error));
  } finally {
    send.disabled = false;
  }
}

function tell(kind: "" | "good" | "bad", text: string): void {
  answer.className = kind;
  answer.textContent = text;
}

/** Runs `action` a moment later, once for all that ask meanwhile. */
function soon(action: () => Promise<void>): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      action().catch(lost);
    }, AFTER_TURN_MS);
  };
}

const listSoon = soon(() => showList());
const instanceSoon = soon(async () => {
  // The further pages that were asked for stay.
  if (keys.rows.length <= PAGE_SIZE) await showInstance();
});

function lost(error: unknown): void {
  state.textContent = `The server can't be read: ${error instanceof Error ? error.message : error}`;
}

function follow(): void {
  const events = turnEvents();
  events.addEventListener("open", () => {
    state.textContent = "live";
    showProject().catch(lost);
  });
  events.addEventListener("error", () => {
    state.textContent = "the server does not answer; waiting for it";
  });
  events.addEventListener("message", ({ data }) => {
    const event = JSON.parse(data) as TurnsEvent;
    turns.add(event);
    if (event.turns.some((turn) => turn.type === chosen?.type && turn.name === chosen.name)) instanceSoon();
    // A list of several pages stays where it is until it is asked for again.
    const isNew = event.turns.some(
      (turn) =>
        turn.version > 0 &&
        turn.type === type.value &&
        turn.name.startsWith(prefix.value) &&
        !listing.some(({ name }) => name === turn.name),
    );
    if (isNew && listing.length <= PAGE_SIZE) listSoon();
  });
}

/** The arrow keys go from one instance to the next. */
function moveInList(event: KeyboardEvent): void {
  const buttons = [...list.querySelectorAll("button")];
  const at = buttons.indexOf(event.target as HTMLButtonElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (to === undefined || at === -1) return;
  event.preventDefault();
  buttons[to]?.focus();
}

type.addEventListener("change", () => {
  showMethods();
  showList().catch(lost);
});
prefix.addEventListener("input", listSoon);
more.addEventListener("click", () => void showList(listing.at(-1)?.name).catch(lost));
moreKeys.addEventListener("click", () => void showInstance(shown?.keys.at(-1)?.key).catch(lost));
part("refresh", HTMLButtonElement).addEventListener("click", () => void showList().catch(lost));
part("call", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  void call();
});
list.addEventListener("keydown", moveInList);
setInterval(showFacts, TICK_MS);
setInterval(() => {
  if (document.hidden) return;
  showProject().catch(lost);
  // Reading it again would take away the further pages that were asked for.
  if (listing.length <= PAGE_SIZE) showList().catch(lost);
  if (keys.rows.length <= PAGE_SIZE) showInstance().catch(lost);
}, LOOK_MS);
follow();
