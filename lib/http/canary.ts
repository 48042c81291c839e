import {
  aws_codedeploy as codedeploy,
  type aws_cloudwatch as cw,
  aws_iam as iam,
  type aws_lambda as lambda,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { suppressFinding } from '../suppress-finding.ts';

/** Every alias gives a tenth of its calls to the new version for five minutes; an alarm of the function takes it back. */
export class Canary extends Construct {
  readonly #application: codedeploy.LambdaApplication;
  readonly #role: iam.Role;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.#application = new codedeploy.LambdaApplication(this, 'Application');
    this.#role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('codedeploy.amazonaws.com') });
    suppressFinding(
      this.#role,
      'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]',
      'The role that AWS keeps for this very service.',
    );
  }

  shift(name: string, alias: lambda.Alias, alarms: readonly cw.Alarm[]): void {
    new codedeploy.LambdaDeploymentGroup(this, name, {
      application: this.#application,
      role: this.#role,
      alias,
      deploymentConfig: codedeploy.LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
      alarms: [...alarms],
    });
  }
}
