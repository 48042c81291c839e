import { aws_cloudwatch_actions as actions, CfnOutput, aws_kms as kms, Stack, aws_sns as sns, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { FrontTcp, type FrontTcpProps } from './front-tcp.ts';
import { arnProblems } from './guards/arn.ts';
import { refuse } from './guards/problems.ts';
import type { ParsedSettings } from './settings.ts';

/** A stack with one `FrontTcp` and the outputs that an operator needs. */
export class FrontTcpStack extends Stack {
  readonly frontTcp: FrontTcp;

  constructor(scope: Construct, settings: ParsedSettings) {
    super(scope, settings.stackName, {
      description: 'fronttcp: serverless commands to long-lived TCP clients',
      // Without an account the stack fits any: no look-ups, and no credentials to synthesise.
      env: {
        region: settings.region ?? process.env.CDK_DEFAULT_REGION ?? 'us-east-1',
        ...(settings.account ? { account: settings.account } : {}),
      },
      terminationProtection: settings.dataPolicy === 'keep',
    });
    for (const [key, value] of Object.entries({ application: 'fronttcp', ...settings.tags }))
      Tags.of(this).add(key, value);

    this.frontTcp = new FrontTcp(this, 'FrontTcp', {
      ...propsOf(settings),
      ...this.#alarmActions(settings),
      ...this.#encryptionKey(settings),
    });
    this.#output('ApiUrl', this.frontTcp.apiUrl, 'The HTTP API');
    this.#output('TcpEndpoint', this.frontTcp.tcpEndpoint, 'Where TCP clients connect');
    this.#output('TcpTls', String(this.frontTcp.speaksTls), 'Whether TCP clients speak TLS');
    this.#output('ConsoleUrl', this.frontTcp.consoleUrl, 'The page that sends commands');
    this.#output('DashboardUrl', this.frontTcp.dashboardUrl, 'The dashboard');
    this.#output('StoreSecretArn', this.frontTcp.store.secret.secretArn, 'The secret of the store');
    this.#output('RelayFunction', this.frontTcp.relay.handler.functionName, 'For FRONTTCP_RELAY: fronttcp users add …');
    this.#output('ClusterName', this.frontTcp.gateways.cluster.clusterName, 'The ECS cluster of the gateways');
    this.#output('ServiceName', this.frontTcp.gateways.service.serviceName, 'The ECS service of the gateways');
  }

  #alarmActions({ alarmTopicArn }: ParsedSettings): Pick<FrontTcpProps, 'alarmActions'> {
    if (!alarmTopicArn) return {};
    refuse(this, arnProblems('topic', 'alarmTopicArn', alarmTopicArn, this.region));
    return { alarmActions: [new actions.SnsAction(sns.Topic.fromTopicArn(this, 'AlarmTopic', alarmTopicArn))] };
  }

  #encryptionKey({ encryptionKeyArn }: ParsedSettings): Pick<FrontTcpProps, 'encryptionKey'> {
    if (!encryptionKeyArn) return {};
    refuse(this, arnProblems('key', 'encryptionKeyArn', encryptionKeyArn, this.region));
    return { encryptionKey: kms.Key.fromKeyArn(this, 'EncryptionKey', encryptionKeyArn) };
  }

  #output(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description });
  }
}

function propsOf(settings: ParsedSettings): FrontTcpProps {
  const { stackName, region, account, tags, alarmTopicArn, encryptionKeyArn, logRetentionDays, ...props } = settings;
  return { ...props, ...(logRetentionDays ? { logRetention: logRetentionDays } : {}) };
}
