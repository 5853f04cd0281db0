import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { callExports, exportName } from "./imported-actors.ts";
import { StatefulActors, type StatefulActorsInternals, type StatefulActorsProps } from "./stateful-actors.ts";

/**
 * What a stack of actors takes: that of every stack, and the actors. `terminationProtection` is for stacks that are in use: not the state, but what
 * is on its way goes with the stack.
 */
export interface ActorsStackProps extends StackProps {
  /** The project, and how its actors are deployed. */
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
      // So that an operator sees who may call, and that a version from before the choice asks nobody.
      Auth: actorsProps.auth.kind,
      ActorTable: this.actors.actorTable.tableName,
      ReplyTable: this.actors.replyTable.tableName,
      MailboxUrl: this.actors.mailbox.queueUrl,
      MailboxShards: this.actors.callTarget.shards,
      DeadLetterUrl: this.actors.deadLetters.queueUrl,
      DelayUrl: this.actors.delayQueue.queueUrl,
      DelayDeadLetterUrl: this.actors.delayDeadLetters.queueUrl,
      ScheduleGroup: this.actors.scheduleGroupName,
      WorkerName: this.actors.worker.functionName,
      RouterName: this.actors.router.functionName,
      WorkerLogs: this.actors.logs.worker.logGroupName,
      RouterLogs: this.actors.logs.router.logGroupName,
      ForwarderLogs: this.actors.logs.forwarder.logGroupName,
    };
    const optional = {
      DomainTarget: this.actors.domainTarget,
      AccessLogs: this.actors.accessLog?.logGroupName,
    };
    for (const [name, value] of Object.entries(optional)) {
      if (value !== undefined) new CfnOutput(this, name, { value });
    }
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
    // The index of instances knows no types. An output is never empty.
    const types = [...this.actors.types].sort().join(",");
    if (types !== "") new CfnOutput(this, "Types", { value: types });
    for (const [name, value] of Object.entries(callExports(this.actors))) {
      new CfnOutput(this, name, { value, exportName: exportName(this.stackName, name) });
    }
  }
}
