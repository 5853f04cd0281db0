import { Stack } from "aws-cdk-lib";
import { type CfnRole, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { CfnScheduleGroup } from "aws-cdk-lib/aws-scheduler";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { acceptFinding } from "./accepted-findings.ts";
import { keyStatements } from "./encryption.ts";
import { physicalName } from "./physical-name.ts";

const SCHEDULER = "scheduler.amazonaws.com";
/** The longest name of a schedule group. */
const MAX_NAME_LENGTH = 64;

export interface SchedulesProps {
  /** The queue that takes a wake shortly before its time. */
  readonly delayQueue: IQueue;
  /** The queue for wakes that could not be sent there. */
  readonly deadLetters: IQueue;
  /** Of the keys of both queues. */
  readonly keyArns: readonly string[];
}

/** Where wakes lie until shortly before their time, when that is far: one-time schedules, which the worker makes. */
export class Schedules extends Construct {
  /** Of the group, which goes with the stack, and all schedules with it. */
  readonly groupName: string;
  /** What whoever makes schedules must be allowed to. */
  readonly statements: readonly PolicyStatement[];
  /** What whoever makes schedules reads from its environment. */
  readonly environment: Readonly<Record<string, string>>;

  readonly #group: CfnScheduleGroup;

  constructor(scope: Construct, id: string, { delayQueue, deadLetters, keyArns }: SchedulesProps) {
    super(scope, id);
    const group = new CfnScheduleGroup(this, "Group", {
      name: physicalName(this, { maxLength: MAX_NAME_LENGTH }),
    });
    this.#group = group;
    this.groupName = group.ref;
    const role = new Role(this, "Role", {
      // Only for schedules of this group: the Scheduler acts for every account. The ARN is the group's, never a schedule's.
      assumedBy: new ServicePrincipal(SCHEDULER, {
        conditions: {
          StringEquals: {
            "aws:SourceAccount": Stack.of(this).account,
            "aws:SourceArn": group.attrArn,
          },
        },
      }),
      inlinePolicies: {
        wakes: new PolicyDocument({
          statements: [
            new PolicyStatement({
              actions: ["sqs:SendMessage"],
              resources: [delayQueue.queueArn, deadLetters.queueArn],
            }),
            ...keyStatements(keyArns, "sends"),
          ],
          minimize: true,
        }),
      },
    });
    this.statements = [
      new PolicyStatement({
        actions: ["scheduler:CreateSchedule"],
        // Their names are made of instance, time and version.
        resources: [
          Stack.of(this).formatArn({
            service: "scheduler",
            resource: "schedule",
            resourceName: `${this.groupName}/*`,
          }),
        ],
      }),
      new PolicyStatement({
        actions: ["iam:PassRole"],
        resources: [role.roleArn],
        conditions: { StringEquals: { "iam:PassedToService": SCHEDULER } },
      }),
    ];
    this.environment = {
      SCHEDULE_GROUP: this.groupName,
      SCHEDULE_ROLE_ARN: role.roleArn,
      DELAY_QUEUE_ARN: delayQueue.queueArn,
      DELAY_DEAD_LETTER_ARN: deadLetters.queueArn,
    };
  }

  /** Accepts what cdk-nag finds in the role of whoever makes schedules. */
  acceptFindingsOf(role: CfnRole): void {
    const group = Stack.of(this).getLogicalId(this.#group);
    acceptFinding(role, {
      rule: "AwsSolutions-IAM5",
      finding: `Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/<${group}>/*`,
      reason:
        "One-time schedules are named by instance, time and version. They lie in this stack's own group, and only creating them is allowed.",
    });
  }
}
