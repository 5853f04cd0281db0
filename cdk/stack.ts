import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { callExports, exportName } from "./imported-actors.ts";
import { StatefulActors, type StatefulActorsInternals, type StatefulActorsProps } from "./stateful-actors.ts";

export interface ActorsStackProps extends StackProps {
  readonly actors: StatefulActorsProps;
}

/**
 * A stack with the actors of one project and nothing else, and outputs that name what was made. Other stacks of the
 * account and region reach its actors by its name: `StatefulActors.fromStack`. While one does, CloudFormation refuses to
 * delete this one.
 */
export class ActorsStack extends Stack {
  readonly actors: StatefulActors;

  constructor(scope: Construct, id: string, props: ActorsStackProps, internals?: StatefulActorsInternals) {
    const { actors: actorsProps, ...stackProps } = props;
    super(scope, id, stackProps);
    this.actors = new StatefulActors(this, "Actors", actorsProps, internals);
    const outputs = {
      Url: this.actors.url,
      ActorTable: this.actors.actorTable.tableName,
      ReplyTable: this.actors.replyTable.tableName,
      MailboxUrl: this.actors.mailbox.queueUrl,
      DeadLetterUrl: this.actors.deadLetters.queueUrl,
      DelayUrl: this.actors.delayQueue.queueUrl,
      DelayDeadLetterUrl: this.actors.delayDeadLetters.queueUrl,
      WorkerName: this.actors.worker.functionName,
      RouterName: this.actors.router.functionName,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
    for (const [name, value] of Object.entries(callExports(this.actors))) {
      new CfnOutput(this, name, { value, exportName: exportName(this.stackName, name) });
    }
  }
}
