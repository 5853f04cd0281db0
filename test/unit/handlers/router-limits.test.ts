import { expect, test, vi } from "vitest";
import { throughRouter } from "./router-http.ts";

const echo = vi.fn(async (request: Request) => new Response(await request.text()));

test("a body over the stack's own limit is answered with 413, and the project does not see it", async () => {
  const post = (body: string, environment: Record<string, string>) => {
    const headers = { "content-length": String(body.length) };
    return throughRouter(echo, { method: "POST", headers, body, environment });
  };
  const ten = { MAX_BODY_BYTES: "10" };
  expect(await post("x".repeat(10), ten)).toMatchObject({ statusCode: 200, body: "x".repeat(10) });
  expect(await post("x".repeat(11), {})).toMatchObject({ statusCode: 200 });
  echo.mockClear();
  expect(await post("x".repeat(11), ten)).toMatchObject({
    statusCode: 413,
    body: '{"error":{"name":"PayloadTooLargeError","message":"the request body is over 10 bytes"}}',
  });
  expect(await throughRouter(echo, { method: "POST", body: "x".repeat(11), environment: ten })).toMatchObject(
    {
      statusCode: 413,
    },
  );
  expect(echo).not.toHaveBeenCalled();
});

test.each(["OPTIONS /", "OPTIONS /{proxy+}"])(
  "what comes by the route %s, where nobody is asked who he is, runs nothing of the project",
  async (routeKey) => {
    echo.mockClear();
    expect(await throughRouter(echo, { method: "OPTIONS", routeKey })).toMatchObject({
      statusCode: 204,
      body: "",
    });
    expect(echo).not.toHaveBeenCalled();
    await throughRouter(echo, { method: "OPTIONS" });
    expect(echo).toHaveBeenCalledOnce();
  },
);
