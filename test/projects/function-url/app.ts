import { App } from "aws-cdk-lib";
import { readContext } from "../../../cdk/context.ts";
import { ActorsStack } from "../../../cdk/index.ts";
import { readProject } from "../../../project/project.ts";

// The package's own app, but for its front door: for endpoints that have no HTTP APIs.
const app = new App();
const { project, stackName, auth, removalPolicy } = readContext(app.node, { defaultProject: "." });
new ActorsStack(app, stackName ?? readProject(project).manifest.name, {
  actors: { project, auth, frontDoor: "function-url", ...(removalPolicy && { removalPolicy }) },
});
