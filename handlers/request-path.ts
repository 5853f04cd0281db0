/** The path of a request's URL, as it is there: a URL that the platform has made needs no further reading. */
export function pathOf(url: string): string {
  const from = url.indexOf("/", url.indexOf("//") + 2);
  if (from === -1) return "/";
  const path = url.slice(from);
  const end = path.search(/[?#]/);
  return end === -1 ? path : path.slice(0, end);
}
