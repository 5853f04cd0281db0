import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { buildSync } from "esbuild";
import { ActorsStack, Auth, StatefulActors } from "stateful-actors/cdk";

// A CDK app as a user would write it: a stack whose state is kept, one whose state goes with it, and one that calls the first.

const here = import.meta.dirname;
const project = join(here, "actors");
const app = new App();
const bank = new ActorsStack(app, "upgraded-bank", { actors: { project, auth: Auth.none() } });
new ActorsStack(app, "upgraded-scratch", {
  actors: { project, auth: Auth.none(), removalPolicy: RemovalPolicy.DESTROY },
});

const code = mkdtempSync(join(tmpdir(), "upgraded-reader-"));
buildSync({
  entryPoints: [join(here, "reader.ts")],
  outfile: join(code, "index.mjs"),
  bundle: true,
  platform: "node",
  format: "esm",
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  logLevel: "error",
});
const reader = new Stack(app, "upgraded-reader");
const fn = new LambdaFunction(reader, "Reader", {
  code: Code.fromAsset(code),
  handler: "index.handler",
  runtime: Runtime.NODEJS_24_X,
  // Unless told otherwise it is ended after 3 s, which a busy machine needs for a cold start.
  timeout: Duration.seconds(60),
  logGroup: new LogGroup(reader, "Logs", { removalPolicy: RemovalPolicy.DESTROY }),
});
StatefulActors.fromStack(reader, "Bank", bank.stackName).bind(fn, { BANK: "Account" });
// Its exports are there first, and go last.
reader.addDependency(bank);
new CfnOutput(reader, "FunctionName", { value: fn.functionName });
