import { aws_secretsmanager as secrets } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { Env, SecretField } from '../runtime-environment.ts';
import type { UpstashChoice } from './redis-choice.ts';
import type { RedisStore } from './redis-store.ts';

/** A database of your own at Upstash: nothing is created but the reference to its secret. */
export class UpstashStore extends Construct implements RedisStore {
  readonly driver = 'upstash';
  readonly secret: secrets.ISecret;
  readonly environment: Readonly<Record<string, string>>;
  readonly containerSecrets = { [Env.redisUrl]: SecretField.redisUrl };
  readonly access = undefined;
  readonly gauges = {};

  constructor(scope: Construct, id: string, choice: UpstashChoice) {
    super(scope, id);
    this.secret = secrets.Secret.fromSecretCompleteArn(this, 'Secret', choice.secretArn);
    this.environment = { [Env.redisCluster]: 'false', [Env.redisKeyPrefix]: choice.keyPrefix ?? '' };
  }
}
