import type { Template } from "aws-cdk-lib/assertions";

/** A name that a template chooses itself: nothing else of the account and region may have it. */
export interface ChosenName {
  readonly type: string;
  readonly name: string;
}

/** Where resources name themselves, beyond a property that ends in `Name`. */
const NAME_PROPERTIES = new Map([
  ["AWS::Scheduler::ScheduleGroup", "Name"],
  ["AWS::ApiGatewayV2::Api", "Name"],
]);

/** Of what resources have chosen names by which they are told apart, but not from all of the account. */
const LOCAL = new Set([
  // In its API.
  "AWS::ApiGatewayV2::Authorizer.Name",
  "AWS::ApiGatewayV2::Stage.StageName",
  // Points to another resource, or to a metric.
  "AWS::CloudWatch::Alarm.MetricName",
  "AWS::Lambda::Alias.FunctionName",
  "AWS::Lambda::EventSourceMapping.FunctionName",
  "AWS::Lambda::Permission.FunctionName",
  "AWS::Lambda::Version.FunctionName",
]);

/** The names that a template chooses, and those of its exports, values that are known at deployment as JSON. */
export function chosenNames(template: Template): ChosenName[] {
  const { Resources, Outputs = {} } = template.toJSON() as {
    Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }>;
    Outputs?: Record<string, { Export?: { Name: unknown } }>;
  };
  const ofResources = Object.values(Resources).flatMap(({ Type, Properties = {} }) =>
    Object.entries(Properties)
      .filter(([property]) => property === NAME_PROPERTIES.get(Type) || /.Name$/.test(property))
      .filter(([property]) => !LOCAL.has(`${Type}.${property}`))
      .map(([, name]) => ({ type: Type, name: JSON.stringify(name) })),
  );
  const ofExports = Object.values(Outputs).flatMap(({ Export }) =>
    Export === undefined ? [] : [{ type: "export", name: JSON.stringify(Export.Name) }],
  );
  return [...ofResources, ...ofExports];
}
