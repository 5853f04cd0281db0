/**
 * The path of an HTTP API event as a client would have written it. The gateway hands over every escape decoded, except
 * `%25`; what can't stand in a path is escaped again, so that a name with a space, a `#` or an emoji arrives whole.
 * A slash inside a name stays a slash: that escape is lost.
 */
export function encodedPath(rawPath: string): string {
  return rawPath.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]+/gu, encodeURIComponent);
}
