import type { Turn, TurnsEvent } from "./answers.ts";
import { html, part, svg } from "./elements.ts";
import { timeOfDay, visible } from "./text.ts";
import { instanceOf, layOut, NAMES_WIDTH } from "./timeline.ts";

/** Turns kept for the time line. */
const KEPT = 2_000;
/** Rows of the table. */
const LISTED = 200;
/** How often the time line moves, in ms. */
const DRAW_MS = 250;
/** Room for the words below the time line, in pixels. */
const AXIS_HEIGHT = 14;

/** The live list and the time line of turns. */
export class TurnsView {
  readonly #log = part("log", HTMLTableSectionElement);
  readonly #timeline = part("timeline", SVGSVGElement);
  readonly #only = part("only", HTMLInputElement);
  readonly #span = part("span", HTMLSelectElement);
  readonly #pause = part("pause", HTMLButtonElement);
  readonly #chosen: () => string | undefined;
  #turns: Turn[] = [];
  #stale = true;

  /** @param chosen the key of the instance that is looked at */
  constructor(chosen: () => string | undefined) {
    this.#chosen = chosen;
    this.#only.addEventListener("change", () => this.redraw());
    this.#span.addEventListener("change", () => this.redraw());
    this.#pause.addEventListener("click", () => {
      this.#pause.ariaPressed = String(!this.#paused);
      this.#pause.textContent = this.#paused ? "Go on" : "Pause";
      this.redraw();
    });
    setInterval(() => this.#draw(), DRAW_MS);
  }

  add({ turns }: TurnsEvent): void {
    // A stream that was cut off begins again with what it had told already.
    const last = this.#turns.at(-1)?.number ?? 0;
    const restarted = (turns.at(-1)?.number ?? 0) < last;
    const news = restarted ? turns : turns.filter(({ number }) => number > last);
    this.#turns = [...(restarted ? [] : this.#turns), ...news].slice(-KEPT);
    this.#stale = true;
  }

  redraw(): void {
    this.#stale = true;
    this.#draw(true);
  }

  get #paused(): boolean {
    return this.#pause.ariaPressed === "true";
  }

  #draw(now = false): void {
    if (document.hidden || (this.#paused && !now)) return;
    const chosen = this.#chosen();
    const turns =
      this.#only.checked && chosen !== undefined
        ? this.#turns.filter((turn) => instanceOf(turn) === chosen)
        : this.#turns;
    this.#drawTimeline(turns);
    if (!this.#stale) return;
    this.#stale = false;
    this.#log.replaceChildren(...turns.slice(-LISTED).reverse().map(turnRow));
  }

  #drawTimeline(turns: readonly Turn[]): void {
    const to = Date.now();
    const width = this.#timeline.clientWidth;
    if (width <= NAMES_WIDTH) return;
    const { rows, bars, height } = layOut(turns, { from: to - Number(this.#span.value), to, width });
    this.#timeline.setAttribute("height", String(height + AXIS_HEIGHT));
    this.#timeline.replaceChildren(
      ...rows.flatMap(({ instance, y }) => [
        svg("line", { class: "row", x1: NAMES_WIDTH, x2: width, y1: y, y2: y }),
        svg("text", { x: 0, y: y + 4 }, shortened(visible(instance)), svg("title", {}, visible(instance))),
      ]),
      svg("text", { x: NAMES_WIDTH, y: height + 10 }, `${this.#span.selectedOptions[0]?.text} ago`),
      svg("text", { x: width, y: height + 10, "text-anchor": "end" }, "now"),
      ...bars.map(({ turn, ...place }) =>
        svg("rect", { class: kindOf(turn), rx: 1, ...place }, svg("title", {}, told(turn))),
      ),
    );
  }
}

function turnRow(turn: Turn): HTMLTableRowElement {
  const { at, ms, type, name, method, caller, version } = turn;
  return html(
    "tr",
    {},
    html("td", {}, timeOfDay(at)),
    html("td", {}, `${type}/${visible(name)}`),
    html("td", {}, visible(method)),
    html("td", {}, visible(caller)),
    html("td", { class: kindOf(turn) }, outcomeOf(turn)),
    html("td", {}, ms.toFixed(1)),
    html("td", {}, String(version)),
  );
}

function told(turn: Turn): string {
  return `${turn.type}/${visible(turn.name)}.${visible(turn.method)}, ${outcomeOf(turn)}, ${turn.ms.toFixed(1)} ms`;
}

function outcomeOf({ error, ran }: Turn): string {
  return error ? `${ran ? "" : "refused: "}${error.name}: ${visible(error.message)}` : "ok";
}

function kindOf({ error }: Turn): "good" | "bad" {
  return error ? "bad" : "good";
}

function shortened(text: string): string {
  const most = 24;
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
