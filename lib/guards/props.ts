import { type Stack, Token } from 'aws-cdk-lib';
import { z } from 'zod';
import type { FrontTcpProps } from '../front-tcp.ts';
import { sharedSettings } from '../settings-schema.ts';
import { arnProblems, EDGE_REGION, edgeArnProblems } from './arn.ts';

/** Members that only code can give: constructs and enumerations of the CDK. */
const OF_CODE: Readonly<Record<string, readonly string[]>> = {
  network: ['vpc'],
  gateway: ['image'],
  tls: ['policy'],
};

const schema = z.object(sharedSettings);

/** The mistakes that the schema of the settings file finds in the props of an embedded construct, a sentence each. */
export function propProblems(props: FrontTcpProps): string[] {
  const plain = Object.fromEntries(
    Object.keys(sharedSettings).flatMap((name) => {
      const value = props[name as keyof typeof sharedSettings];
      return value === undefined ? [] : [[name, withoutTokens(omit(value, OF_CODE[name] ?? []))]];
    }),
  );
  const result = schema.safeParse(plain);
  return result.success ? [] : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}.`);
}

/** Resources named by ARN, with their kind: they must be in the stack's own region. */
export function resourceProblems(props: FrontTcpProps, { region }: Stack): string[] {
  const { tls, redis, api } = props;
  return [
    ...(tls?.kind === 'load-balancer'
      ? [
          ...arnProblems('certificate', 'tls.certificateArn', tls.certificateArn, region),
          ...arnProblems(
            'trustStore',
            'tls.clientCertificates.trustStoreArn',
            tls.clientCertificates?.trustStoreArn,
            region,
          ),
        ]
      : []),
    ...(tls?.kind === 'gateway' ? arnProblems('secret', 'tls.secretArn', tls.secretArn, region) : []),
    ...(redis?.kind === 'upstash' ? arnProblems('secret', 'redis.secretArn', redis.secretArn, region) : []),
    ...arnProblems('layer', 'api.secretsExtensionLayerArn', api?.secretsExtensionLayerArn, region),
    ...firewallProblems(props, region),
  ];
}

function firewallProblems({ api, domain }: FrontTcpProps, region: string): string[] {
  const { firewall } = api ?? {};
  if (firewall === undefined) return [];
  const { webAclArn, certificateArn } = firewall;
  const isElsewhere = !Token.isUnresolved(region) && region !== EDGE_REGION;
  return [
    ...edgeArnProblems('webAcl', 'api.firewall.webAclArn', webAclArn),
    ...edgeArnProblems('certificate', 'api.firewall.certificateArn', certificateArn),
    ...(certificateArn !== undefined && domain === undefined
      ? ['api.firewall.certificateArn is for the name of a domain, and there is none: leave it out, or set domain.']
      : []),
    ...(certificateArn === undefined && domain !== undefined && isElsewhere
      ? [
          `api.firewall needs a certificateArn for api.${domain.name}: CloudFront takes certificates from ${EDGE_REGION} only, and this stack is in ${region}.`,
        ]
      : []),
  ];
}

function omit(value: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

/** A value that is only known at deployment cannot be checked now; a text of the right kind is accepted. */
function withoutTokens(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((one) => !Token.isUnresolved(one)).map(withoutTokens);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined && (typeof member === 'string' || !Token.isUnresolved(member)))
      .map(([name, member]) => [name, withoutTokens(member)]),
  );
}
