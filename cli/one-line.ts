/** Longest text shown whole, in characters. */
const SHOWN = 80;

/** What is shown as it is: nearly every name. */
const PLAIN = /^[ -~]{0,80}$/;

/**
 * Foreign text in one line of a terminal: what would move its cursor, change its colours or turn its reading direction is written
 * as an escape, and the end of a long text is cut off.
 */
export function oneLine(text: string): string {
  if (PLAIN.test(text)) return text;
  const characters = [...text];
  const shown = characters.length > SHOWN ? [...characters.slice(0, SHOWN), "…"] : characters;
  return shown.map((each) => (/[\p{C}\p{Zl}\p{Zp}]/u.test(each) ? escaped(each) : each)).join("");
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
