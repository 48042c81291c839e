import { type aws_kms as kms, aws_logs as logs, RemovalPolicy } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** `keep`: no data is lost when a resource or the stack goes. `destroy`: everything goes with the stack. */
export type DataPolicy = 'keep' | 'destroy';

/** For resources without a final snapshot. A failed creation leaves nothing behind. */
export function retention(policy: DataPolicy): RemovalPolicy {
  return policy === 'keep' ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
}

/** For resources with a final snapshot. A kept store would keep the whole VPC; its snapshot does not. */
export function snapshotRetention(policy: DataPolicy): RemovalPolicy {
  return policy === 'keep' ? RemovalPolicy.SNAPSHOT : RemovalPolicy.DESTROY;
}

export interface LogSettings {
  readonly retention: logs.RetentionDays;
  readonly dataPolicy: DataPolicy;
  /** @default keys of AWS's own */
  readonly encryptionKey?: kms.IKey | undefined;
}

export function logGroup(scope: Construct, id: string, settings: LogSettings): logs.LogGroup {
  return new logs.LogGroup(scope, id, {
    retention: settings.retention,
    removalPolicy: retention(settings.dataPolicy),
    ...(settings.encryptionKey ? { encryptionKey: settings.encryptionKey } : {}),
  });
}
