import type { aws_kms as kms } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { DataPolicy } from '../data-policy.ts';
import type { Network } from '../network.ts';
import { MemoryDbStore } from './memorydb-store.ts';
import type { RedisChoice } from './redis-choice.ts';
import type { RedisStore } from './redis-store.ts';
import { ServerlessStore } from './serverless-store.ts';
import { UpstashStore } from './upstash-store.ts';
import { ValkeyStore } from './valkey-store.ts';

interface StoreProps {
  readonly choice: RedisChoice;
  readonly network: Network;
  readonly dataPolicy: DataPolicy;
  readonly encryptionKey: kms.IKey | undefined;
}

export function createStore(scope: Construct, id: string, { choice, ...rest }: StoreProps): RedisStore {
  switch (choice.kind) {
    case 'upstash':
      return new UpstashStore(scope, id, choice);
    case 'valkey':
      return new ValkeyStore(scope, id, { choice, ...rest });
    case 'serverless':
      return new ServerlessStore(scope, id, { choice, ...rest });
    case 'memorydb':
      return new MemoryDbStore(scope, id, { choice, ...rest });
  }
}
