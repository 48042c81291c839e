import { type aws_kms as kms, aws_secretsmanager as secrets } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type DataPolicy, retention } from '../data-policy.ts';
import type { StoreCredentials } from '../runtime-environment.ts';
import { suppressFinding } from '../suppress-finding.ts';

/**
 * The rights of the one user of a store: its own keys, all commands that read, write and run scripts, and no
 * administration. The client calls INFO and the CLUSTER commands when it connects; they come after
 * `-@dangerous`, which would remove INFO again.
 */
export function accessString(keyPrefix: string): string {
  return [
    'on',
    `~${keyPrefix}*`,
    '&*',
    '-@all +@read +@write +@stream +@pubsub +@scripting +@transaction +@connection +time +wait',
    '-@dangerous',
    '+info +cluster|info +cluster|slots +cluster|shards +cluster|nodes',
  ].join(' ');
}

/** A made-up password behind a name, in one secret. */
export function createCredentials(
  scope: Construct,
  id: string,
  username: string,
  { dataPolicy, encryptionKey }: { readonly dataPolicy: DataPolicy; readonly encryptionKey: kms.IKey | undefined },
): secrets.ISecret {
  const secret = new secrets.Secret(scope, id, {
    description: 'The store user of fronttcp',
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ username } satisfies Partial<StoreCredentials>),
      generateStringKey: 'password' satisfies keyof StoreCredentials,
      passwordLength: 64,
      excludePunctuation: true,
    },
    removalPolicy: retention(dataPolicy),
    ...(encryptionKey ? { encryptionKey } : {}),
  });
  suppressFinding(
    secret,
    'SMG4',
    'Store users have no managed rotation. docs/deploy.md rotates by a second password and a deployment.',
  );
  return secret as secrets.ISecret;
}

/** A reference for CloudFormation to resolve: the password itself is in no template. */
export function passwordReference(secret: secrets.ISecret): string {
  return secret.secretValueFromJson('password' satisfies keyof StoreCredentials).unsafeUnwrap();
}
