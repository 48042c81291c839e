import { aws_iam as iam, type aws_kms as kms } from 'aws-cdk-lib';

/**
 * The right to decrypt secrets by the user's own key. `grantRead` of the CDK puts it into the policy of the key, and cannot
 * where the key is only named by its ARN.
 */
export function secretDecryption(encryptionKey: kms.IKey): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions: ['kms:Decrypt'],
    resources: [encryptionKey.keyArn],
    // Nothing else that the key encrypts.
    conditions: { StringLike: { 'kms:ViaService': 'secretsmanager.*' } },
  });
}
