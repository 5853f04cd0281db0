/** What can change the terminal that it is printed on, or how the text around it reads. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Free text in one line. */
export function printable(text: string): string {
  return text.replace(HARMFUL, "�");
}

/** A name or key: as it is where it is plain, else as JSON, in which no harm is left. */
export function shownName(name: string): string {
  if (/^[\p{L}\p{N}_@.:/+=-]+$/u.test(name)) return name;
  return JSON.stringify(name).replace(
    HARMFUL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}${lowHalf(character)}`,
  );
}

/** Beyond the basic plane a character is two escapes. */
function lowHalf(character: string): string {
  return character.length > 1 ? `\\u${character.charCodeAt(1).toString(16)}` : "";
}

/** When something is, and how far away that is from now. */
export function shownTime(at: number, now: number): string {
  const distance = duration(Math.abs(at - now));
  return `${new Date(at).toISOString()} (${at > now ? `in ${distance}` : `${distance} ago`})`;
}

/** About how long, in one unit. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** Bytes in one unit. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
