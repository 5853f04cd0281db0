import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** What the links of a page that lead to this repository don't find, each with its target. */
export function brokenLinks(page: string, { checkout }: { checkout: string }): string[] {
  const text = withoutCode(readFileSync(join(checkout, page), "utf8"));
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? page : relative(checkout, join(checkout, dirname(page), path));
    if (!existsSync(join(checkout, file))) return true;
    return anchor !== undefined && !anchorsOf(join(checkout, file)).has(anchor);
  });
}

/** The places of a page as GitHub names them: headings in small letters, without punctuation, words joined by hyphens. */
function anchorsOf(file: string): Set<string> {
  const headings = withoutCode(readFileSync(file, "utf8")).matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replace(/\s/g, "-"),
    ),
  );
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, "");
}
