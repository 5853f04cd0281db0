import { Arn, ArnFormat, Stack, Token } from "aws-cdk-lib";
import { DomainName, SecurityPolicy } from "aws-cdk-lib/aws-apigatewayv2";
import type { ICertificate } from "aws-cdk-lib/aws-certificatemanager";
import { ARecord, type IHostedZone, RecordTarget } from "aws-cdk-lib/aws-route53";
import { ApiGatewayv2DomainProperties } from "aws-cdk-lib/aws-route53-targets";
import { Construct } from "constructs";
import { ConfigurationError } from "./configuration-error.ts";

/** A name of your own for the HTTP API, instead of that of AWS. */
export interface DomainOptions {
  /** Such as `actors.example.com`. */
  readonly name: string;
  /** For this name, of the same region. */
  readonly certificate: ICertificate;
  /**
   * Where the name is to be found: gets an alias record for it.
   * @default no record is made: make one that points to `domainTarget` of the construct (output `DomainTarget`)
   */
  readonly hostedZone?: IHostedZone;
}

const LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(\\.${LABEL})+$`);

/** The name, and in the hosted zone the record that leads there. */
export class CustomDomain extends Construct {
  readonly domainName: DomainName;
  /** The host to which the name must point. */
  readonly target: string;

  constructor(scope: Construct, id: string, { name, certificate, hostedZone }: DomainOptions) {
    super(scope, id);
    checkName(name);
    checkCertificate(certificate, Stack.of(this).region);
    this.domainName = new DomainName(this, "Name", {
      domainName: name,
      certificate,
      securityPolicy: SecurityPolicy.TLS_1_2,
    });
    const { regionalDomainName, regionalHostedZoneId } = this.domainName;
    this.target = regionalDomainName;
    if (hostedZone === undefined) return;
    checkZone(name, hostedZone.zoneName);
    new ARecord(this, "Record", {
      zone: hostedZone,
      recordName: name,
      target: RecordTarget.fromAlias(
        new ApiGatewayv2DomainProperties(regionalDomainName, regionalHostedZoneId),
      ),
    });
  }
}

function checkName(name: string): void {
  if (Token.isUnresolved(name) || NAME.test(name)) return;
  throw new ConfigurationError(
    `domain name ${JSON.stringify(name)}: it is one host, in small letters and without scheme or path; give one such as actors.example.com`,
  );
}

function checkCertificate({ certificateArn }: ICertificate, region: string): void {
  if (Token.isUnresolved(certificateArn) || Token.isUnresolved(region)) return;
  const found = Arn.split(certificateArn, ArnFormat.SLASH_RESOURCE_NAME).region;
  if (found === region) return;
  throw new ConfigurationError(
    `domain certificate ${certificateArn}: API Gateway takes one of its own region, which is ${region}; make the certificate there`,
  );
}

// The CDK would put the zone's name behind.
function checkZone(name: string, zoneName: string): void {
  if (Token.isUnresolved(name) || Token.isUnresolved(zoneName)) return;
  const zone = zoneName.replace(/\.$/, "");
  if (name === zone || name.endsWith(`.${zone}`)) return;
  throw new ConfigurationError(
    `domain name ${name}: it does not lie in the hosted zone ${zone}; give the zone of the name, or make the record yourself`,
  );
}
