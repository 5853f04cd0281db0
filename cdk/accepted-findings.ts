import { type CfnResource, Validations } from "aws-cdk-lib";

/** What cdk-nag finds, and why it stays. */
export interface AcceptedFinding {
  /** `AwsSolutions-IAM5` */
  readonly rule: string;
  /** Which of several findings of the rule: `Resource::*`. */
  readonly finding?: string;
  /** For whoever reads the report, in a sentence. */
  readonly reason: string;
}

const METADATA = "cdk_nag";

/**
 * Says of a resource that a finding of cdk-nag is accepted, so that an app that runs it with the pack AwsSolutions sees this
 * package's resources clean. Without cdk-nag it does nothing: version 3 reads what the CDK has for acknowledged rules, version 2 the
 * resource's metadata.
 */
export function acceptFinding(resource: CfnResource, { rule, finding, reason }: AcceptedFinding): void {
  const id = finding === undefined ? rule : `${rule}[${finding}]`;
  Validations.of(resource).acknowledge({ id, reason });
  const { rules_to_suppress = [] } = (resource.getMetadata(METADATA) ?? {}) as {
    rules_to_suppress?: readonly object[];
  };
  resource.addMetadata(METADATA, {
    rules_to_suppress: [
      ...rules_to_suppress,
      { id: rule, reason, ...(finding !== undefined && { applies_to: [finding] }) },
    ],
  });
}
