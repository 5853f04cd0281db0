import { Duration, RemovalPolicy, Size, Token } from "aws-cdk-lib";
import { SubnetType } from "aws-cdk-lib/aws-ec2";
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
    { replyRetention: Duration.seconds(2699), workerTimeout: Duration.seconds(60) },
    /^replyRetention 2699 s: .*from 2700 up$/,
  ],
  [
    "replies that are gone before the last redelivery of a longer lease",
    { replyRetention: Duration.seconds(3899), workerTimeout: Duration.seconds(100) },
    /^replyRetention 3899 s: .*from 3900 up$/,
  ],
  ["no time for alarms", { alarmBudget: Duration.seconds(0) }, /^alarmBudget 0 s: .*from 1 to 325, /],
  ["a fraction of a second for alarms", { alarmBudget: Duration.millis(1_500) }, /^alarmBudget 1\.5 s: /],
  [
    "alarms after which the worker has no time to commit",
    { alarmBudget: Duration.seconds(326) },
    /^alarmBudget 326 s: .*needs 35 s .*ends after 360 s; .*from 1 to 325, or a longer workerTimeout$/,
  ],
  [
    "the default for alarms where the worker's timeout leaves less, when it is asked for",
    { alarmBudget: Duration.minutes(5), workerTimeout: Duration.seconds(60) },
    /^alarmBudget 300 s: .*from 1 to 25, /,
  ],
  ["too little memory for the router", { routerMemory: 127 }, /^routerMemory 127: .*from 128 to 10240/],
  [
    "a front door that there is not",
    { frontDoor: "alb" as never },
    /^frontDoor alb: .*choose http-api or function-url$/,
  ],
  ["no queue at all", { shards: 0 }, /^shards 0: .*from 1 to 32$/],
  ["part of a queue", { shards: 1.5 }, /^shards 1\.5: /],
  ["too many queues", { shards: 33 }, /^shards 33: /],
  ["fewer draining queues than none", { drainingShards: -1 }, /^drainingShards -1: .*from 0 to 32$/],
  ["a single batch at once", { maxConcurrency: 1 }, /^maxConcurrency 1: an event source takes 2 to 1000; /],
  ["too many batches at once", { maxConcurrency: 1_001 }, /^maxConcurrency 1001: /],
  ["part of a batch at once", { maxConcurrency: 2.5 }, /^maxConcurrency 2\.5: /],
  [
    "no concurrency at all",
    { maxConcurrency: 2, reservedConcurrency: 0 },
    /^reservedConcurrency 0: .*from 1 up/,
  ],
  [
    "a reserve that the queues may ask for more than",
    { reservedConcurrency: 10 },
    /^reservedConcurrency 10: .*ask for as much as they like, .*maxConcurrency of 10 at most/,
  ],
  [
    "a reserve smaller than what all queues ask for",
    { reservedConcurrency: 10, maxConcurrency: 4, shards: 2, drainingShards: 1 },
    /^reservedConcurrency 10: .*ask for 12 \(3 × maxConcurrency\), .*maxConcurrency of 3 at most/,
  ],
  [
    "a reserve that leaves each queue less than an event source takes",
    { reservedConcurrency: 1 },
    /^reservedConcurrency 1: .*; reserve 2 at least, with maxConcurrency of 2$/,
  ],
  [
    "a reserve that leaves each of three queues less than an event source takes",
    { reservedConcurrency: 5, maxConcurrency: 2, shards: 3 },
    /^reservedConcurrency 5: .*; reserve 6 at least, with maxConcurrency of 2$/,
  ],
  [
    "protection of what a failed first deployment deletes, which is the default",
    { removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE },
    /^removalPolicy RETAIN_ON_UPDATE_OR_DELETE with deletionProtection, .*choose RETAIN, or deletionProtection: false$/,
  ],
  [
    "protection of what a failed first deployment deletes",
    { removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, deletionProtection: true },
    /^removalPolicy RETAIN_ON_UPDATE_OR_DELETE with deletionProtection, /,
  ],
  [
    "protection of what the stack deletes",
    { removalPolicy: RemovalPolicy.DESTROY, deletionProtection: true },
    /^deletionProtection true with removalPolicy DESTROY: .*choose RETAIN, or leave/,
  ],
  [
    "a way back longer than DynamoDB has",
    { recoveryPeriod: Duration.days(36) },
    /^recoveryPeriod 36 days: DynamoDB takes 1 to 35; /,
  ],
  ["part of a day back", { recoveryPeriod: Duration.hours(36) }, /^recoveryPeriod 1\.5 days: /],
  [
    "a way back without recovery",
    { pointInTimeRecovery: false, recoveryPeriod: Duration.days(7) },
    /^recoveryPeriod without pointInTimeRecovery: /,
  ],
  [
    "subnets of no network",
    { vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED } },
    /^vpcSubnets without a vpc: .*give the vpc, or leave vpcSubnets out$/,
  ],
  ["security groups of no network", { securityGroups: [] }, /^securityGroups without a vpc: /],
  ["a snapshot", { removalPolicy: RemovalPolicy.SNAPSHOT }, /^removalPolicy SNAPSHOT: .*RETAIN or DESTROY$/],
];

test.each(refused)("%s is refused in one line with the value, the rule and the fix", (_, props, message) => {
  const attempt = () => synthesize({ props });
  expect(attempt).toThrow(ConfigurationError);
  expect(attempt).toThrow(message);
});

const number = Token.asNumber({ Ref: "Number" });
const duration = Duration.seconds(number);

test.each<[string, Partial<StatefulActorsProps>]>([
  ["workerMemory", { workerMemory: number }],
  ["routerMemory", { routerMemory: number }],
  ["workerTimeout", { workerTimeout: duration }],
  ["alarmBudget", { alarmBudget: duration }],
  ["replyRetention", { replyRetention: duration }],
  ["recoveryPeriod", { recoveryPeriod: Duration.days(number) }],
  ["shards", { shards: number }],
  ["drainingShards", { drainingShards: number }],
  ["maxConcurrency", { maxConcurrency: number }],
  ["reservedConcurrency", { maxConcurrency: 2, reservedConcurrency: number }],
  ["routerConcurrency", { routerConcurrency: number }],
  ["provisionedConcurrency", { provisionedConcurrency: number }],
  ["throttling rate", { throttling: { rate: number, burst: 1 } }],
  ["throttling burst", { throttling: { rate: 1, burst: number } }],
  ["maxBodySize", { maxBodySize: Size.bytes(number) }],
  ["cors maxAge", { cors: { allowOrigins: ["*"], maxAge: duration } }],
  ["monitoring.mailboxAge", { monitoring: { mailboxAge: duration } }],
])("%s is refused where it is known at deployment only", (property, props) => {
  const attempt = () => synthesize({ props });
  expect(attempt).toThrow(ConfigurationError);
  expect(attempt).toThrow(
    new RegExp(
      `^${property} is a token: it is known at deployment only, and must be checked before; give a [^\\n]+$`,
    ),
  );
});

test.each<[string, Partial<StatefulActorsProps>]>([
  ["the least memory", { workerMemory: 128 }],
  [
    "a table that goes with a failed first deployment, unprotected,",
    { removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, deletionProtection: false },
  ],
  ["the most memory", { workerMemory: 10_240 }],
  ["the shortest replies", { replyRetention: Duration.seconds(2700), workerTimeout: Duration.seconds(60) }],
  ["the shortest alarms", { alarmBudget: Duration.seconds(1), workerTimeout: Duration.seconds(40) }],
  ["the longest alarms", { alarmBudget: Duration.seconds(865), workerTimeout: Duration.minutes(15) }],
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

test.each([
  [undefined, undefined, "300"],
  // A shorter timeout leaves less, as it needs 35 s for what comes after the handler.
  [undefined, 335, "300"],
  [undefined, 334, "299"],
  [undefined, 40, "5"],
  [undefined, 900, "300"],
  [90, undefined, "90"],
  [865, 900, "865"],
])(
  "a budget of %s s for alarms and a timeout of %s s give the worker %s s for an alarm",
  (budget, timeout, expected) => {
    const props = {
      ...(budget !== undefined && { alarmBudget: Duration.seconds(budget) }),
      ...(timeout !== undefined && { workerTimeout: Duration.seconds(timeout) }),
    };
    synthesize({ props }).hasResourceProperties("AWS::Lambda::Function", {
      Environment: { Variables: { ALARM_BUDGET_SECONDS: expected } },
    });
  },
);

test("a folder without a manifest is refused", () => {
  expect(() => synthesize({ props: { project: newFolder() } })).toThrow(ManifestError);
});
