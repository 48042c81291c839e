import { aws_elasticache as cache, aws_cloudwatch as cw, Duration, aws_ec2 as ec2, Fn } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { snapshotRetention } from '../data-policy.ts';
import { suppressFinding } from '../suppress-finding.ts';
import { accessString, passwordReference } from './credentials.ts';
import type { ValkeyChoice } from './redis-choice.ts';
import type { StoreGauges } from './redis-store.ts';
import { StoreInVpc, type StoreInVpcProps } from './store-in-vpc.ts';

const PORT = 6379;

/** Valkey 9 on nodes with a log in two zones. One shard: every key of a deployment is in one slot. */
export class ValkeyStore extends StoreInVpc {
  readonly environment: Readonly<Record<string, string>>;
  readonly gauges: StoreGauges;

  constructor(scope: Construct, id: string, props: StoreInVpcProps<ValkeyChoice>) {
    super(scope, id, props, ec2.Port.tcp(PORT));
    const { nodeType = 'cache.m7g.large', replicas = 1, durability = 'sync', engineVersion = '9.0' } = props.choice;
    const group = new cache.CfnReplicationGroup(this, 'Nodes', {
      // With a name of its own, a change that would replace the store by an empty one fails, and rolls back.
      replicationGroupId: this.resourceName(40),
      replicationGroupDescription: 'Sessions, mailboxes and queues of fronttcp',
      engine: 'valkey',
      engineVersion,
      cacheNodeType: nodeType,
      // Durability is only offered in cluster mode.
      clusterMode: 'enabled',
      numNodeGroups: 1,
      replicasPerNodeGroup: replicas,
      durability,
      multiAzEnabled: true,
      automaticFailoverEnabled: true,
      transitEncryptionEnabled: true,
      transitEncryptionMode: 'required',
      atRestEncryptionEnabled: true,
      ...(props.encryptionKey ? { kmsKeyId: props.encryptionKey.keyArn } : {}),
      autoMinorVersionUpgrade: true,
      snapshotRetentionLimit: 7,
      port: PORT,
      cacheParameterGroupName: this.#parameters(engineVersion).ref,
      cacheSubnetGroupName: this.#subnets().ref,
      securityGroupIds: [this.access.securityGroup.securityGroupId],
      userGroupIds: [
        createUserGroup(this, this.resourceName(36), this.userName, this.keyPrefix, passwordReference(this.secret)).ref,
      ],
    });
    group.applyRemovalPolicy(snapshotRetention(props.dataPolicy));
    suppressFinding(
      group,
      'AEC6',
      'A user group with a password and rights of its own; the rule only knows the single AUTH token.',
    );

    this.environment = this.connection({ host: group.attrConfigurationEndPointAddress, port: PORT, cluster: true });
    const nodes = Array.from({ length: replicas + 1 }, (_, i) => Fn.join('', [group.ref, `-0001-00${i + 1}`]));
    this.gauges = {
      memoryPercent: highestOf(nodes, 'DatabaseMemoryUsagePercentage'),
      enginePercent: highestOf(nodes, 'EngineCPUUtilization'),
    };
  }

  /** A full store must refuse a message rather than forget another one. */
  #parameters(engineVersion: string): cache.CfnParameterGroup {
    return new cache.CfnParameterGroup(this, 'Parameters', {
      cacheParameterGroupFamily: `valkey${engineVersion.split('.')[0]}`,
      description: 'A queue: nothing is evicted',
      properties: { 'cluster-enabled': 'yes', 'maxmemory-policy': 'noeviction' },
    });
  }

  #subnets(): cache.CfnSubnetGroup {
    return new cache.CfnSubnetGroup(this, 'Subnets', {
      description: 'Store of fronttcp',
      subnetIds: this.subnetIds,
    });
  }
}

/** ElastiCache's form of a user: shared with the serverless cache. */
export function createUserGroup(
  scope: Construct,
  userId: string,
  userName: string,
  keyPrefix: string,
  password: string,
): cache.CfnUserGroup {
  const user = new cache.CfnUser(scope, 'User', {
    engine: 'valkey',
    userId,
    userName,
    accessString: accessString(keyPrefix),
    authenticationMode: { Type: 'password', Passwords: [password] },
  });
  return new cache.CfnUserGroup(scope, 'Users', { engine: 'valkey', userGroupId: `${userId}-g`, userIds: [user.ref] });
}

/** A failover changes which node matters, so the worst of them does. */
function highestOf(nodes: readonly string[], metricName: string): cw.MathExpression {
  const ids = nodes.map((_, i) => `node${i + 1}`);
  return new cw.MathExpression({
    label: metricName,
    expression: `MAX([${ids.join(', ')}])`,
    period: Duration.minutes(1),
    usingMetrics: Object.fromEntries(
      nodes.map((CacheClusterId, i) => [
        `node${i + 1}`,
        new cw.Metric({
          namespace: 'AWS/ElastiCache',
          metricName,
          dimensionsMap: { CacheClusterId, CacheNodeId: '0001' },
          statistic: cw.Stats.MAXIMUM,
          period: Duration.minutes(1),
        }),
      ]),
    ),
  });
}
