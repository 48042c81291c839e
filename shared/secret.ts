import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** The JSON of a secret of Secrets Manager, and the version that it is. Rejects with the error of AWS, or when it is no JSON. */
export async function readSecret(arn: string, { maxAttempts }: { maxAttempts: number }) {
  // arn:aws:secretsmanager:<region>:…: the secret may be in another region than this process, and nothing else names one.
  const [, , , region = ''] = arn.split(':');
  const client = new SecretsManagerClient({ region, maxAttempts });
  try {
    const { VersionId = '', SecretString = '{}' } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    return { version: VersionId, json: JSON.parse(SecretString) as unknown };
  } finally {
    client.destroy();
  }
}
