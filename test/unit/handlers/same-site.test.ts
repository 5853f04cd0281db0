import { describe, expect, test } from "vitest";
import { foreignness, strangeness } from "../../../handlers/same-site.ts";

const JSON_TYPE = { "content-type": "application/json" };

function get(headers: Record<string, string>) {
  return foreignness({ method: "GET", headers: new Headers(headers) });
}

function post(headers: Record<string, string>) {
  return foreignness({ method: "POST", headers: new Headers(headers) });
}

test.each(["localhost", "localhost:8787", "127.0.0.1:1", "[::1]:8787", "LOCALHOST:9"])(
  "%s is this machine",
  (host) => {
    expect(get({ host })).toBeUndefined();
  },
);

test.each([
  "",
  "evil.example",
  "evil.example:8787",
  "localhost.evil.example",
  "localhost:8787.evil.example",
  "evil-localhost",
  "127.0.0.1.nip.io",
  "0.0.0.0:8787",
  "user@localhost",
])("a name that was pointed here is refused: %s", (host) => {
  expect(get({ host })).toMatch(/^the Host is /);
  expect(post({ host, origin: `http://${host}`, ...JSON_TYPE })).toMatch(/^the Host is /);
});

describe("a post", () => {
  const host = "localhost:8787";

  test("of the page itself, or of a program that is no browser", () => {
    expect(post({ host, ...JSON_TYPE })).toBeUndefined();
    expect(
      post({ host, origin: "http://localhost:8787", "sec-fetch-site": "same-origin", ...JSON_TYPE }),
    ).toBeUndefined();
  });

  test.each([
    "null",
    "https://evil.example",
    "http://localhost:3000",
    "http://localhost",
    "https://localhost:8787",
  ])("from the origin %s is refused", (origin) => {
    expect(post({ host, origin, ...JSON_TYPE })).toMatch(/^the Origin is /);
  });

  test.each(["cross-site", "same-site"])("that a browser calls %s is refused", (site) => {
    expect(post({ host, "sec-fetch-site": site, ...JSON_TYPE })).toMatch(/^Sec-Fetch-Site is /);
    expect(post({ host, "sec-fetch-site": site, "sec-fetch-mode": "navigate", ...JSON_TYPE })).toMatch(
      /^Sec/,
    );
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/jsonp",
    "",
  ])("of a type that a form can send is refused: %s", (type) => {
    expect(post({ host, "content-type": type })).toMatch(/^the Content-Type /);
  });
});

describe("a get", () => {
  const host = "localhost:8787";

  test("may be a link that was followed", () => {
    expect(get({ host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" })).toBeUndefined();
    expect(get({ host, "sec-fetch-site": "none", "sec-fetch-mode": "navigate" })).toBeUndefined();
  });

  test("may not be a script, an image or a fetch of another site", () => {
    for (const mode of ["no-cors", "cors", "websocket"]) {
      expect(get({ host, "sec-fetch-site": "cross-site", "sec-fetch-mode": mode })).toMatch(
        /^Sec-Fetch-Site is /,
      );
    }
  });
});

describe("the built-in door", () => {
  const host = "localhost:8787";
  const told = (headers: Record<string, string>) => strangeness({ headers: new Headers(headers) });

  test.each<Record<string, string>>([
    { host },
    { host, origin: "http://localhost:3000", "sec-fetch-site": "same-site" },
    { host: "127.0.0.1:1", origin: "http://127.0.0.1:1" },
    { host, origin: "https://[::1]:5173" },
  ])("is open to programs and pages of this machine: %j", (headers) => {
    expect(told(headers)).toBeUndefined();
  });

  test.each<[Record<string, string>, RegExp]>([
    [{ host: "evil.example:8787" }, /^the Host is "evil.example:8787"/],
    [{ host, origin: "http://evil.example" }, /^the Origin is "http:\/\/evil.example"/],
    [{ host, origin: "null" }, /^the Origin is "null"/],
    [{ host, origin: "http://localhost.evil.example" }, /^the Origin is/],
    [{ host, "sec-fetch-site": "cross-site" }, /^Sec-Fetch-Site is "cross-site"/],
  ])("is closed to pages of other sites: %j", (headers, why) => {
    expect(told(headers)).toMatch(why);
  });
});
