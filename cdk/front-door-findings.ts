import { CfnRoute, CfnStage } from "aws-cdk-lib/aws-apigatewayv2";
import type { Construct } from "constructs";
import { acceptFinding } from "./accepted-findings.ts";

/** Accepts what cdk-nag finds in an HTTP API of a front door. */
export function acceptFrontDoorFindings(frontDoor: Construct): void {
  for (const child of frontDoor.node.findAll()) {
    if (child instanceof CfnStage && child.accessLogSettings === undefined) {
      acceptFinding(child, {
        rule: "AwsSolutions-APIG1",
        reason:
          "This API was asked for without an access log. The router logs what goes wrong, and the API counts requests, errors and latency.",
      });
    }
    if (child instanceof CfnRoute && (child.authorizationType ?? "NONE") === "NONE") {
      acceptFinding(child, {
        rule: "AwsSolutions-APIG4",
        reason: child.routeKey.startsWith("OPTIONS ")
          ? "Browsers ask there, without a token, whether a page of another site may call. The router answers, and nothing of the project runs."
          : "This front door was asked for without an authorizer: the project's own fetch handler decides who may call.",
      });
    }
  }
}
