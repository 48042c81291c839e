import { aws_cloudwatch as cw, Duration, aws_ec2 as ec2, aws_memorydb as memorydb } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { retention } from '../data-policy.ts';
import { accessString, passwordReference } from './credentials.ts';
import type { MemoryDbChoice } from './redis-choice.ts';
import type { StoreGauges } from './redis-store.ts';
import { StoreInVpc, type StoreInVpcProps } from './store-in-vpc.ts';

const PORT = 6379;

/** MemoryDB for Valkey. One shard: every key of a deployment is in one slot. */
export class MemoryDbStore extends StoreInVpc {
  readonly environment: Readonly<Record<string, string>>;
  readonly gauges: StoreGauges;

  constructor(scope: Construct, id: string, props: StoreInVpcProps<MemoryDbChoice>) {
    super(scope, id, props, ec2.Port.tcp(PORT));
    const { nodeType = 'db.t4g.small', replicas = 1 } = props.choice;
    const cluster = new memorydb.CfnCluster(this, 'Cluster', {
      clusterName: this.resourceName(40),
      engine: 'valkey',
      engineVersion: '7.3',
      nodeType,
      numShards: 1,
      numReplicasPerShard: replicas,
      tlsEnabled: true,
      ...(props.encryptionKey ? { kmsKeyId: props.encryptionKey.keyArn } : {}),
      port: PORT,
      autoMinorVersionUpgrade: true,
      snapshotRetentionLimit: 7,
      aclName: this.#accessList().ref,
      parameterGroupName: this.#parameters().ref,
      subnetGroupName: this.#subnets().ref,
      securityGroupIds: [this.access.securityGroup.securityGroupId],
    });
    cluster.applyRemovalPolicy(retention(props.dataPolicy));

    this.environment = this.connection({ host: cluster.attrClusterEndpointAddress, port: PORT, cluster: true });
    const highest = (metricName: string): cw.Metric =>
      new cw.Metric({
        namespace: 'AWS/MemoryDB',
        metricName,
        dimensionsMap: { ClusterName: cluster.ref },
        statistic: cw.Stats.MAXIMUM,
        period: Duration.minutes(1),
      });
    this.gauges = {
      memoryPercent: highest('DatabaseMemoryUsagePercentage'),
      enginePercent: highest('EngineCPUUtilization'),
    };
  }

  #accessList(): memorydb.CfnACL {
    const user = new memorydb.CfnUser(this, 'User', {
      userName: this.userName,
      accessString: accessString(this.keyPrefix),
      authenticationMode: { Type: 'password', Passwords: [passwordReference(this.secret)] },
    });
    return new memorydb.CfnACL(this, 'AccessList', { aclName: `${this.userName}-acl`, userNames: [user.ref] });
  }

  /** A full store must refuse a message rather than forget another one. */
  #parameters(): memorydb.CfnParameterGroup {
    return new memorydb.CfnParameterGroup(this, 'Parameters', {
      parameterGroupName: this.resourceName(40),
      family: 'memorydb_valkey7',
      parameters: { 'maxmemory-policy': 'noeviction' },
    });
  }

  #subnets(): memorydb.CfnSubnetGroup {
    return new memorydb.CfnSubnetGroup(this, 'Subnets', {
      subnetGroupName: this.resourceName(40),
      subnetIds: this.subnetIds,
    });
  }
}
