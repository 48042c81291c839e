import { type aws_cloudwatch as cw, Duration } from 'aws-cdk-lib';

export interface AlarmRow {
  readonly id: string;
  /** The fault behind the alarm, for the engineer on call. */
  readonly means: string;
  /** The entry of the runbook. */
  readonly runbook: string;
  readonly metric: cw.IMetric;
  readonly threshold: number;
  /** Minutes in a row. */
  readonly minutes: number;
  /** Silence is itself the alarm. */
  readonly missingIsBad?: boolean;
}

export const minute = Duration.minutes(1);
