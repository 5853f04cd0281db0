import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { buildSync } from "esbuild";
import { Auth, StatefulActors } from "../../../cdk/index.ts";

const here = import.meta.dirname;
const code = mkdtempSync(join(tmpdir(), "bound-function-"));
buildSync({
  entryPoints: [join(here, "function.ts")],
  outfile: join(code, "index.mjs"),
  bundle: true,
  platform: "node",
  format: "esm",
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  logLevel: "error",
});

const app = new App();
const stack = new Stack(app, "bound");
const actors = new StatefulActors(stack, "Actors", {
  project: join(here, "../../../examples/account"),
  auth: Auth.none(),
  removalPolicy: RemovalPolicy.DESTROY,
});
const bound = new LambdaFunction(stack, "Bound", {
  code: Code.fromAsset(code),
  handler: "index.handler",
  runtime: Runtime.NODEJS_24_X,
  // Unless told otherwise it is ended after 3 s, which a busy machine needs for a cold start.
  timeout: Duration.seconds(60),
});
actors.bind(bound, { BANK: "Account" });
new CfnOutput(stack, "Url", { value: actors.url });
new CfnOutput(stack, "FunctionName", { value: bound.functionName });
