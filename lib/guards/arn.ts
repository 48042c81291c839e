import { Token } from 'aws-cdk-lib';

/** The forms of the ARNs that settings name, and what one looks like. */
const FORMS = {
  certificate: {
    pattern: /^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[0-9a-f-]{36}$/,
    what: 'the ARN of a certificate in ACM',
  },
  key: {
    pattern: /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/(mrk-[0-9a-f]{32}|[0-9a-f-]{36})$/,
    what: 'the ARN of a KMS key',
  },
  topic: {
    pattern: /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/,
    what: 'the ARN of an SNS topic (not a FIFO one: alarms cannot write to it)',
  },
  trustStore: {
    pattern: /^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:truststore\/[^/]+\/[0-9a-f]+$/,
    what: 'the ARN of a trust store of Elastic Load Balancing',
  },
  webAcl: {
    pattern: /^arn:aws[a-z-]*:wafv2:us-east-1:\d{12}:global\/webacl\/[A-Za-z0-9_-]{1,128}\/[0-9a-f-]{36}$/,
    what: 'the ARN of a web ACL with the scope CLOUDFRONT, which is made in us-east-1: arn:aws:wafv2:us-east-1:…:global/webacl/…',
  },
  layer: {
    pattern: /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:[A-Za-z0-9_-]+:\d+$/,
    what: 'the ARN of a layer with its version',
  },
  secret: {
    pattern: /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/,
    what: 'the complete ARN of the secret, with the six characters that Secrets Manager put behind its name',
  },
} as const;

type ArnKind = keyof typeof FORMS;

/**
 * Mistakes that CloudFormation finds after twenty minutes, or a task when it starts: an ARN of another kind or region.
 * An ARN that is only known at deployment (of a resource in another stack) is not checked.
 */
export function arnProblems(kind: ArnKind, name: string, arn: string | undefined, region: string): string[] {
  if (arn === undefined || Token.isUnresolved(arn)) return [];
  const { pattern, what } = FORMS[kind];
  if (!pattern.test(arn)) return [`${name} is "${arn}": give ${what}.`];
  const found = arn.split(':')[3];
  if (Token.isUnresolved(region) || found === region) return [];
  return [`${name} is of ${found}, and the stack of ${region}: both must be in the same region.`];
}

/** The same for what CloudFront uses, which is in us-east-1 wherever the stack is. */
export function edgeArnProblems(kind: ArnKind, name: string, arn: string | undefined): string[] {
  if (arn === undefined || Token.isUnresolved(arn)) return [];
  const { pattern, what } = FORMS[kind];
  if (!pattern.test(arn)) return [`${name} is "${arn}": give ${what}.`];
  const found = arn.split(':')[3];
  return found === EDGE_REGION ? [] : [`${name} is of ${found}: CloudFront takes it from ${EDGE_REGION} only.`];
}

/** Where CloudFront has its certificates and web ACLs. */
export const EDGE_REGION = 'us-east-1';
