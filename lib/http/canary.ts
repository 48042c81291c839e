import {
  aws_codedeploy as codedeploy,
  aws_cloudwatch as cw,
  Duration,
  aws_iam as iam,
  type aws_lambda as lambda,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';

/** Every alias gets a tenth of its calls from the new version, for five minutes; one error takes it back. */
export class Canary extends Construct {
  readonly #application: codedeploy.LambdaApplication;
  readonly #role: iam.Role;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.#application = new codedeploy.LambdaApplication(this, 'Application');
    this.#role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('codedeploy.amazonaws.com') });
    acknowledge(
      this.#role,
      'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]',
      'The role that AWS keeps for this very service.',
    );
  }

  shift(name: string, alias: lambda.Alias, errors: cw.Alarm): void {
    new codedeploy.LambdaDeploymentGroup(this, name, {
      application: this.#application,
      role: this.#role,
      alias,
      deploymentConfig: codedeploy.LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
      alarms: [errors],
    });
  }
}

export function errorAlarm(scope: Construct, id: string, name: string, alias: lambda.Alias): cw.Alarm {
  return new cw.Alarm(scope, id, {
    alarmDescription: `The function ${name} failed. Runbook: function-errors.`,
    metric: alias.metricErrors({ period: Duration.minutes(1) }),
    threshold: 1,
    evaluationPeriods: 1,
    comparisonOperator: cw.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: cw.TreatMissingData.NOT_BREACHING,
  });
}
