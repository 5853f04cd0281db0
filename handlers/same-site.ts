/** How a loopback server may be called; with any port, as it may be reached through a tunnel. */
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
/** What whoever wants it otherwise can do. */
const OWN_DOOR = "a project with a fetch handler of its own decides for itself";

/** What whoever deploys can do, where a page of another site is to call. */
const INVITE =
  "pages of other sites can't use the built-in door; name their origins in cors, or write a fetch handler, which decides for itself";

/**
 * Why a request must not reach the built-in door of a server on loopback: a page of another site has sent it, blindly or through a name
 * that it has pointed at this machine. Pages that the developer serves from this machine may use it.
 *
 * @returns `undefined` when it may
 */
export function strangeness({ headers }: Pick<Request, "headers">): string | undefined {
  const host = headers.get("host") ?? "";
  if (!LOOPBACK.test(host)) {
    return `the Host is ${quoted(host)}: the built-in door answers only on localhost, 127.0.0.1 and [::1]; ${OWN_DOOR}`;
  }
  const origin = headers.get("origin");
  if (origin !== null && !LOOPBACK.test(origin.replace(/^https?:\/\//i, ""))) {
    return `the Origin is ${quoted(origin)}: pages of other sites can't use the built-in door; ${OWN_DOOR}`;
  }
  if (headers.get("sec-fetch-site") === "cross-site") {
    return `Sec-Fetch-Site is "cross-site": pages of other sites can't use the built-in door; ${OWN_DOOR}`;
  }
  return undefined;
}

/**
 * Why a request must not reach the built-in door of a deployed stack: a page of another site has made a browser send it, whose cookies
 * may say who its user is. Such a page needs no leave to send, only to read the answer, so it is refused unless `cors` names it. What no
 * browser sends (neither `Origin` nor `Sec-Fetch-Site`) may come in, and what a browser calls its page's own does.
 *
 * @param allowedOrigins those of `cors`; `*` lets every site in, `https://*` each of that scheme, but nobody's cookies, as in a browser
 * @returns `undefined` when it may
 */
export function uninvited(
  { headers }: Pick<Request, "headers">,
  allowedOrigins: ReadonlySet<string>,
): string | undefined {
  const site = headers.get("sec-fetch-site");
  if (site === "same-origin" || site === "none") return undefined;
  const origin = headers.get("origin");
  if (origin === null) {
    return site === null ? undefined : `Sec-Fetch-Site is ${quoted(site)} and there is no Origin: ${INVITE}`;
  }
  if (allowedOrigins.has(origin) || origin === `https://${headers.get("host")}`) return undefined;
  const shown = `the Origin is ${quoted(origin)}`;
  const wildcard = ["*", `${origin.split("://")[0]}://*`].find((each) => allowedOrigins.has(each));
  if (wildcard === undefined) return `${shown}: ${INVITE}`;
  return headers.has("cookie")
    ? `${shown}, with cookies: the origin ${wildcard} of cors lets pages call without them; name the origins that may send them`
    : undefined;
}

/**
 * Why a request must not reach what only the developer's own pages and programs may: another site's page has sent it. A name
 * that such a site has pointed at this machine shows in `Host`; a page that posts across sites, in `Origin`.
 *
 * @returns `undefined` when it may
 */
export function foreignness({ method, headers }: Pick<Request, "method" | "headers">): string | undefined {
  const host = headers.get("host") ?? "";
  if (!LOOPBACK.test(host)) {
    return `the Host is ${quoted(host)}: this answers only on localhost, 127.0.0.1 and [::1]`;
  }
  const origin = headers.get("origin");
  if (origin !== null && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    return `the Origin is ${quoted(origin)}: pages of other sites can't use this`;
  }
  const site = headers.get("sec-fetch-site");
  // Following a link to a page shows that page nothing.
  const isLink = method === "GET" && headers.get("sec-fetch-mode") === "navigate";
  if (site !== null && site !== "same-origin" && site !== "none" && !isLink) {
    return `Sec-Fetch-Site is ${quoted(site)}: pages of other sites can't use this`;
  }
  // A page of another site can't send this type without asking first.
  if (method !== "GET" && !/^application\/json\b/i.test(headers.get("content-type") ?? "")) {
    return "the Content-Type must be application/json";
  }
  return undefined;
}

/** As much of a header as a message needs. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
