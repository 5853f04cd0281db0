import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { expect, test } from "vitest";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import type { StatefulActorsProps } from "../../../cdk/stateful-actors.ts";
import { ManifestError } from "../../../project/manifest.ts";
import { newFolder, synthesize } from "./synthesis.ts";

const refused: [string, Partial<StatefulActorsProps>, RegExp][] = [
  ["too little memory", { workerMemory: 127 }, /^workerMemory 127: .*from 128 to 10240/],
  ["too much memory", { workerMemory: 10_241 }, /^workerMemory 10241: /],
  ["a fraction of memory", { workerMemory: 512.5 }, /^workerMemory 512\.5: /],
  ["too short a timeout", { workerTimeout: Duration.seconds(39) }, /^workerTimeout 39 s: .*from 40 to 900$/],
  ["too long a timeout", { workerTimeout: Duration.seconds(901) }, /^workerTimeout 901 s: /],
  ["a fraction of a second", { workerTimeout: Duration.millis(60_500) }, /^workerTimeout 60\.5 s: /],
  [
    "replies that are gone before the last redelivery",
    { replyRetention: Duration.seconds(1079) },
    /^replyRetention 1079 s: .*from 1080 up$/,
  ],
  [
    "replies that are gone before the last redelivery of a longer lease",
    { replyRetention: Duration.seconds(1559), workerTimeout: Duration.seconds(100) },
    /^replyRetention 1559 s: .*from 1560 up$/,
  ],
  ["a snapshot", { removalPolicy: RemovalPolicy.SNAPSHOT }, /^removalPolicy SNAPSHOT: .*RETAIN or DESTROY$/],
];

test.each(refused)("%s is refused in one line with the value, the rule and the fix", (_, props, message) => {
  const attempt = () => synthesize({ props });
  expect(attempt).toThrow(ConfigurationError);
  expect(attempt).toThrow(message);
});

test.each<[string, Partial<StatefulActorsProps>]>([
  ["the least memory", { workerMemory: 128 }],
  ["the most memory", { workerMemory: 10_240 }],
  ["the shortest replies", { replyRetention: Duration.seconds(1080) }],
])("%s is taken", (_, props) => {
  expect(() => synthesize({ props })).not.toThrow();
});

test("memory, timeout and retention reach the worker", () => {
  const props = {
    workerMemory: 1769,
    workerTimeout: Duration.minutes(2),
    replyRetention: Duration.hours(48),
  };
  synthesize({ props }).hasResourceProperties("AWS::Lambda::Function", {
    MemorySize: 1769,
    Timeout: 120,
    Environment: { Variables: { LEASE_SECONDS: "150", REPLY_RETENTION_SECONDS: "172800" } },
  });
});

test("a folder without a manifest is refused", () => {
  expect(() => synthesize({ props: { project: newFolder() } })).toThrow(ManifestError);
});
