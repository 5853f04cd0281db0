import { join } from "node:path";
import { App, CfnOutput, Duration, RemovalPolicy, Size, Stack } from "aws-cdk-lib";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { Auth, StatefulActors, type StatefulActorsProps } from "../../../cdk/index.ts";

const stack = new Stack(new App(), "guarded");

/** Lets in who knows the word, and says whose friend that is. */
const decider = new LambdaFunction(stack, "Decider", {
  code: Code.fromInline(
    `exports.handler = async ({ headers }) => ({
      isAuthorized: headers.authorization === "open sesame",
      context: { tenant: "ali" },
    });`,
  ),
  handler: "index.handler",
  runtime: Runtime.NODEJS_24_X,
  // Unless told otherwise it is ended after 3 s, which a busy machine needs for a cold start.
  timeout: Duration.seconds(10),
});

const counter = { entry: join(import.meta.dirname, "src/counter.ts"), actors: { COUNTER: "Counter" } };
const telling = { ...counter, entry: join(import.meta.dirname, "src/index.ts") };
const jwt = Auth.jwt({ issuer: "https://issuer.example", audience: ["app"] });
const cors = { allowOrigins: ["https://app.example"] };

/** Four of one stack, by the name of the output that has its URL. */
const doors: Record<string, Omit<StatefulActorsProps, "removalPolicy">> = {
  Url: {
    ...telling,
    auth: Auth.lambda(decider),
    cors,
    maxBodySize: Size.kibibytes(1),
  },
  JwtUrl: { ...counter, auth: jwt },
  IamUrl: { ...telling, auth: Auth.iam() },
  FunctionUrl: { ...counter, auth: Auth.iam(), frontDoor: "function-url", cors },
};

for (const [output, props] of Object.entries(doors)) {
  const actors = new StatefulActors(stack, `${output}Actors`, {
    ...props,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  new CfnOutput(stack, output, { value: actors.url });
}
