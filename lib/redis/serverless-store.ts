import { aws_elasticache as cache, aws_cloudwatch as cw, Duration, aws_ec2 as ec2 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { retention } from '../data-policy.ts';
import { passwordReference } from './credentials.ts';
import type { ServerlessChoice } from './redis-choice.ts';
import type { StoreGauges } from './redis-store.ts';
import { StoreInVpc, type StoreInVpcProps } from './store-in-vpc.ts';
import { createUserGroup } from './valkey-store.ts';

const GIGABYTE = 1024 ** 3;

/**
 * ElastiCache Serverless. It evicts keys that have a time to live when full, and a failover may lose what was
 * acknowledged: the synthesis warns of that. It has cluster semantics behind a single endpoint.
 */
export class ServerlessStore extends StoreInVpc {
  readonly environment: Readonly<Record<string, string>>;
  readonly gauges: StoreGauges;

  constructor(scope: Construct, id: string, props: StoreInVpcProps<ServerlessChoice>) {
    // The reader endpoint is on the next port.
    super(scope, id, props, ec2.Port.tcpRange(6379, 6380));
    const { maxDataGb = 10, maxEcpuPerSecond = 50_000, engineVersion = '8' } = props.choice;
    const name = this.resourceName(40);
    const store = new cache.CfnServerlessCache(this, 'Cache', {
      engine: 'valkey',
      majorEngineVersion: engineVersion,
      ...(props.encryptionKey ? { kmsKeyId: props.encryptionKey.keyArn } : {}),
      serverlessCacheName: name,
      description: 'Sessions, mailboxes and queues of fronttcp',
      cacheUsageLimits: {
        dataStorage: { unit: 'GB', maximum: maxDataGb },
        ecpuPerSecond: { maximum: maxEcpuPerSecond },
      },
      dailySnapshotTime: '03:00',
      snapshotRetentionLimit: 7,
      securityGroupIds: [this.access.securityGroup.securityGroupId],
      subnetIds: this.subnetIds,
      userGroupId: createUserGroup(
        this,
        this.resourceName(36),
        this.userName,
        this.keyPrefix,
        passwordReference(this.secret),
      ).ref,
    });
    store.applyRemovalPolicy(retention(props.dataPolicy));

    this.environment = this.connection({
      host: store.attrEndpointAddress,
      port: store.attrEndpointPort,
      cluster: false,
    });
    this.gauges = {
      memoryPercent: new cw.MathExpression({
        label: 'Data of the allowed maximum, %',
        expression: `100 * bytes / ${maxDataGb * GIGABYTE}`,
        period: Duration.minutes(1),
        usingMetrics: {
          bytes: new cw.Metric({
            namespace: 'AWS/ElastiCache',
            metricName: 'BytesUsedForCache',
            dimensionsMap: { clusterId: store.ref },
            statistic: cw.Stats.MAXIMUM,
            period: Duration.minutes(1),
          }),
        },
      }),
    };
  }
}
