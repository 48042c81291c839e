import type { aws_cloudwatch as cw, aws_ec2 as ec2, aws_secretsmanager as secrets } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { RedisDriver } from '../artifacts.ts';

/** The interface of a deployment's Redis, for every kind of store. */
export interface RedisStore extends IConstruct {
  /** The client that the functions are bundled with. */
  readonly driver: RedisDriver;
  readonly secret: secrets.ISecret;
  /** Plain environment of functions and containers: never a secret. */
  readonly environment: Readonly<Record<string, string>>;
  /** Environment of a container → field of the secret that ECS puts there. */
  readonly containerSecrets: Readonly<Record<string, string>>;
  /** Set when the store is in the VPC: functions then are, too. */
  readonly access: StoreAccess | undefined;
  readonly gauges: StoreGauges;
}

export interface StoreAccess {
  readonly securityGroup: ec2.SecurityGroup;
  readonly port: ec2.Port;
}

/** The metrics for the alarms; empty for a store without CloudWatch metrics. */
export interface StoreGauges {
  /** Percent of its capacity. */
  readonly memoryPercent?: cw.IMetric;
  /** Percent of the one thread that runs commands. */
  readonly enginePercent?: cw.IMetric;
}

/** Allows a part of the deployment to connect to the store. */
export function admitToStore(store: RedisStore, part: ec2.ISecurityGroup, purpose: string): void {
  store.access?.securityGroup.addIngressRule(part, store.access.port, purpose);
}
