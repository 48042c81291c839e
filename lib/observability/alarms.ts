import { aws_cloudwatch as cw } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { GatewayService } from '../gateway/gateway-service.ts';
import type { HttpApi } from '../http/http-api.ts';
import type { RedisStore } from '../redis/redis-store.ts';
import type { AlarmRow } from './alarms/alarm-row.ts';
import { apiRows } from './alarms/api-alarms.ts';
import { gatewayRows } from './alarms/gateway-alarms.ts';
import { loadBalancerRows } from './alarms/load-balancer-alarms.ts';
import { storeRows } from './alarms/store-alarms.ts';
import { upstreamRows } from './alarms/upstream-alarms.ts';

interface AlarmsProps {
  readonly gateways: GatewayService;
  readonly api: HttpApi;
  readonly store: RedisStore;
  readonly deploymentId: string;
  /** Gets a message when an alarm fires, and when it is over. */
  readonly actions: readonly cw.IAlarmAction[];
}

/** Each alarm is at or over its threshold. Normal effects of a deployment do not cause alarms. */
export class Alarms extends Construct {
  readonly all: readonly cw.Alarm[];
  /** The alarms that roll back a deployment of the gateways. */
  readonly ofDeployment: readonly cw.Alarm[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const alarms = new Map<string, cw.Alarm>();
    const rows = [
      ...gatewayRows(props.deploymentId),
      ...upstreamRows(props.gateways, props.deploymentId),
      ...loadBalancerRows(props.gateways),
      ...apiRows(props.api),
      ...storeRows(props.store),
    ];
    for (const row of rows) alarms.set(row.id, this.#create(row));
    this.all = [...alarms.values(), ...props.api.functionAlarms];
    // Created before the gateways, it would fire during every first deployment.
    alarms.get('GatewaysSilent')?.node.addDependency(props.gateways.service);
    this.ofDeployment = ['UnhealthyTargets', 'OldestUndelivered'].flatMap((name) => alarms.get(name) ?? []);
    for (const alarm of this.all) {
      alarm.addAlarmAction(...props.actions);
      alarm.addOkAction(...props.actions);
    }
  }

  #create(row: AlarmRow): cw.Alarm {
    return new cw.Alarm(this, row.id, {
      alarmDescription: `${row.means} Runbook: ${row.runbook}.`,
      metric: row.metric,
      threshold: row.threshold,
      evaluationPeriods: row.minutes,
      comparisonOperator: cw.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: row.missingIsBad ? cw.TreatMissingData.BREACHING : cw.TreatMissingData.NOT_BREACHING,
    });
  }
}
