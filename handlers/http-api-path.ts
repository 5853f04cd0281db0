/**
 * The path of an HTTP API event as a client would have written it. The gateway hands over every escape decoded, except
 * `%25`; what can't stand in a path is escaped again, so that a name with a space, a `#` or an emoji arrives whole.
 * A slash inside a name stays a slash: that escape is lost. A function URL hands over the path as it was sent, which stays as it is.
 *
 * @returns `undefined` for a path with a segment `.` or `..`: as a URL it would name another instance
 */
export function encodedPath(rawPath: string): string | undefined {
  if (/(^|\/)(\.|%2e){1,2}(\/|$)/i.test(rawPath)) return undefined;
  return rawPath.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]+/gu, encodeURIComponent);
}
