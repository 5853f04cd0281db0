import { expect, test } from "vitest";
import { functionOf, resources } from "./resources.ts";
import { synthesize } from "./synthesis.ts";

test("a function URL takes the place of the HTTP API: named by the output without a slash at its end", () => {
  const template = synthesize({ props: { frontDoor: "function-url", routerMemory: 256 } });
  const [routerId, router] = functionOf(template, "Router");
  expect(router.Properties.MemorySize).toBe(256);
  expect(Object.keys(resources(template, "AWS::ApiGatewayV2::Api"))).toEqual([]);
  const [[urlId, url] = [], ...others] = Object.entries(resources(template, "AWS::Lambda::Url"));
  expect(others).toEqual([]);
  expect(url?.Properties).toMatchObject({
    AuthType: "NONE",
    TargetFunctionArn: { "Fn::GetAtt": [routerId, "Arn"] },
  });
  template.hasOutput("Url", {
    Value: {
      "Fn::Join": [
        "",
        ["https://", { "Fn::Select": [2, { "Fn::Split": ["/", { "Fn::GetAtt": [urlId, "FunctionUrl"] }] }] }],
      ],
    },
  });
});

test("without being asked for there is no function URL", () => {
  const template = synthesize();
  expect(Object.keys(resources(template, "AWS::Lambda::Url"))).toEqual([]);
  expect(functionOf(template, "Router")[1].Properties.MemorySize).toBe(512);
});
