import {
  aws_certificatemanager as acm,
  type aws_apigatewayv2 as apigw,
  type aws_cloudfront as cloudfront,
  type aws_elasticloadbalancingv2 as elb,
  aws_route53 as route53,
  aws_route53_targets as targets,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { refuse } from './guards/problems.ts';

export interface DomainSettings {
  /** The name that TCP clients connect to, such as `devices.example.com`. The HTTP API is at `api.` before it. */
  readonly name: string;
  /** Of the public hosted zone that the name is in, such as `Z0123456789ABCDEFGHIJ`. */
  readonly hostedZoneId: string;
  /** The name of that zone. @default `name` without its first label */
  readonly zoneName?: string;
}

const NAME = /^(?=.{1,249}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])$/;
const HOSTED_ZONE_ID = /^Z[A-Z0-9]{1,31}$/;

/** A name of your own, with a certificate that clients can verify and the records that lead to both entrances. */
export class Domain extends Construct {
  readonly name: string;
  readonly apiName: string;
  readonly certificate: acm.ICertificate;
  readonly #zone: route53.IHostedZone;

  constructor(scope: Construct, id: string, settings: DomainSettings) {
    super(scope, id);
    refuse(this, domainProblems(settings));
    this.name = settings.name;
    this.apiName = `api.${settings.name}`;
    this.#zone = route53.HostedZone.fromHostedZoneAttributes(this, 'Zone', {
      hostedZoneId: settings.hostedZoneId,
      zoneName: zoneNameOf(settings),
    });
    // Validated by a record in the zone, and so renewed without anyone.
    this.certificate = new acm.Certificate(this, 'Certificate', {
      domainName: this.name,
      subjectAlternativeNames: [this.apiName],
      validation: acm.CertificateValidation.fromDns(this.#zone),
    }) as acm.ICertificate;
  }

  pointToBalancer(balancer: elb.NetworkLoadBalancer, ipv6: boolean): void {
    const target = route53.RecordTarget.fromAlias(new targets.LoadBalancerTarget(balancer as elb.ILoadBalancerV2));
    this.#point('Clients', this.name, target, ipv6);
  }

  pointToApi(api: apigw.DomainName, ipv6: boolean): void {
    const properties = new targets.ApiGatewayv2DomainProperties(api.regionalDomainName, api.regionalHostedZoneId);
    this.#point('Api', this.apiName, route53.RecordTarget.fromAlias(properties), ipv6);
  }

  /** CloudFront answers over both address families. */
  pointToFront(distribution: cloudfront.IDistribution): void {
    this.#point('Api', this.apiName, route53.RecordTarget.fromAlias(new targets.CloudFrontTarget(distribution)), true);
  }

  #point(id: string, recordName: string, target: route53.RecordTarget, ipv6: boolean): void {
    const record = { zone: this.#zone, recordName, target };
    new route53.ARecord(this, `${id}Address`, record);
    if (ipv6) new route53.AaaaRecord(this, `${id}Ipv6Address`, record);
  }
}

/** Mistakes that Route 53 or ACM would refuse after minutes, or that would wait for ever for a validation. */
function domainProblems(settings: DomainSettings): string[] {
  const { name, hostedZoneId } = settings;
  const zoneName = zoneNameOf(settings);
  return [
    ...(NAME.test(name) ? [] : [`domain.name is "${name}": give a name in lower case such as "devices.example.com".`]),
    ...(HOSTED_ZONE_ID.test(hostedZoneId)
      ? []
      : [`domain.hostedZoneId is "${hostedZoneId}": give the id of the public zone, which begins with a Z.`]),
    ...(name === zoneName || name.endsWith(`.${zoneName}`)
      ? []
      : [`domain.name is "${name}", which is not in the zone "${zoneName}".`]),
  ];
}

function zoneNameOf({ name, zoneName }: DomainSettings): string {
  return zoneName ?? name.slice(name.indexOf('.') + 1);
}
