import { readFileSync } from "node:fs";

/** A fenced block of a Markdown page, with what the comment right before it says of it. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Line of the fence, from 1. */
  readonly line: number;
  /** `file`: the block is that file. `skip`: it is not tried, and why. */
  readonly note: Note | undefined;
}

export interface Note {
  readonly kind: "file" | "skip";
  readonly text: string;
}

const FENCE =
  /^(?:<!-- (?<kind>\w+): (?<note>[\s\S]*?) -->\n+)?```(?<language>\w*)\n(?<text>[\s\S]*?)^```$/gm;
const KINDS = new Set(["file", "skip"]);

/** The blocks of a page, in order. */
export function readPage(file: string): Block[] {
  const page = readFileSync(file, "utf8");
  return [...page.matchAll(FENCE)].map(({ 0: whole, index, groups = {} }) => {
    const { kind, note, language = "", text = "" } = groups;
    const line = page.slice(0, index + whole.indexOf("```")).split("\n").length;
    if (kind !== undefined && !KINDS.has(kind)) throw new Error(`${file}:${line}: no block is a "${kind}"`);
    return {
      language,
      text,
      line,
      note: kind ? { kind: kind as Note["kind"], text: note ?? "" } : undefined,
    };
  });
}

/** A command of a shell block, and what the comments below it say that it prints; undefined: they say nothing. */
export interface Step {
  readonly command: string;
  readonly expected: string | undefined;
}

/** The commands of a shell block, in order. A `# …` line that follows a command is its output; one after its text is for readers. */
export function stepsOf(text: string): Step[] {
  const steps: { command: string; expected: string | undefined }[] = [];
  for (const line of text.split("\n")) {
    const last = steps.at(-1);
    if (line.startsWith("# ") && last) last.expected = `${last.expected ?? ""}${line.slice(2)}\n`;
    else if (last?.command.endsWith("\\")) last.command = `${last.command.slice(0, -1)}${line.trim()}`;
    else if (line.trim() !== "")
      steps.push({ command: line.replace(/\s{2,}# .*$/, ""), expected: undefined });
  }
  return steps;
}

/** Whether an output is what a page shows: `…` there stands for anything, and space at the ends does not count. */
export function isAsShown(output: string, shown: string): boolean {
  const parts = shown
    .trim()
    .split("…")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[\\s\\S]*?")}$`).test(output.trim());
}
