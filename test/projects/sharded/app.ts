import { join } from "node:path";
import { App, RemovalPolicy } from "aws-cdk-lib";
import { ActorsStack, Auth } from "../../../cdk/index.ts";

new ActorsStack(new App(), "sharded", {
  actors: {
    project: join(import.meta.dirname, "../../../examples/account"),
    auth: Auth.none(),
    removalPolicy: RemovalPolicy.DESTROY,
    shards: 2,
    frontDoor: "function-url",
  },
});
