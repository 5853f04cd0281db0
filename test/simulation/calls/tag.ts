import { decode } from "../../../runtime/core/codec.ts";
import type { Plan } from "./ledger.ts";

/** The operation behind an entry: its own, or a message or a call of it. */
export function parse(tag: string): { root: string; kind: "own" | "message" | "call" } {
  const [root = ""] = tag.split(/[>!]/);
  return { root, kind: tag.includes(">") ? "message" : tag.includes("!") ? "call" : "own" };
}

/** The tag in the arguments of a call; none where it reads. */
export function tagIn(args: string): string | undefined {
  const [plan] = decode(args, "arguments") as [Plan?];
  return plan?.tag;
}
