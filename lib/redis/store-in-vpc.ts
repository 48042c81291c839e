import { aws_ec2 as ec2, type aws_kms as kms, Names, type aws_secretsmanager as secrets } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { DataPolicy } from '../data-policy.ts';
import type { Network } from '../network.ts';
import { Env, SecretField } from '../runtime-environment.ts';
import { createCredentials } from './credentials.ts';
import { CLUSTER_KEY_PREFIX } from './redis-choice.ts';
import type { RedisStore, StoreAccess, StoreGauges } from './redis-store.ts';

export interface StoreInVpcProps<Choice> {
  readonly choice: Choice;
  readonly network: Network;
  readonly dataPolicy: DataPolicy;
  readonly encryptionKey: kms.IKey | undefined;
}

interface Endpoint {
  readonly host: string;
  readonly port: string | number;
  readonly cluster: boolean;
}

/** The common parts of the three AWS-hosted stores: a user with a password, a security group, TLS, ioredis. */
export abstract class StoreInVpc extends Construct implements RedisStore {
  readonly driver = 'ioredis';
  readonly secret: secrets.ISecret;
  readonly access: StoreAccess;
  readonly containerSecrets = {
    [Env.redisUsername]: SecretField.username,
    [Env.redisPassword]: SecretField.password,
  };
  abstract readonly environment: Readonly<Record<string, string>>;
  abstract readonly gauges: StoreGauges;
  protected readonly userName: string;
  protected readonly keyPrefix: string;
  protected readonly subnetIds: string[];

  constructor(scope: Construct, id: string, props: StoreInVpcProps<{ readonly keyPrefix?: string }>, port: ec2.Port) {
    super(scope, id);
    const { network } = props;
    this.keyPrefix = props.choice.keyPrefix ?? CLUSTER_KEY_PREFIX;
    this.userName = this.resourceName(32);
    this.secret = createCredentials(this, 'Credentials', this.userName, props);
    this.subnetIds = network.vpc.selectSubnets(network.storeSubnets).subnetIds;
    this.access = {
      port,
      securityGroup: new ec2.SecurityGroup(this, 'Group', {
        vpc: network.vpc,
        description: 'Store of fronttcp',
        allowAllOutbound: false,
      }),
    };
  }

  /**
   * ElastiCache and MemoryDB want names given, in lower case. Two deployments in one stack must not share one, and
   * a name that changes replaces the store: it depends on nothing but the construct's path.
   */
  protected resourceName(maxLength: number): string {
    return Names.uniqueResourceName(this, { maxLength, separator: '-' }).toLowerCase();
  }

  protected connection({ host, port, cluster }: Endpoint): Readonly<Record<string, string>> {
    return {
      [Env.redisUrl]: `rediss://${host}:${port}`,
      [Env.redisCluster]: String(cluster),
      [Env.redisKeyPrefix]: this.keyPrefix,
    };
  }
}
