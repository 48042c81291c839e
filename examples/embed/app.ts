import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { FrontTcp } from 'fronttcp-cdk';

const stack = new Stack(new App(), 'Fleet', { env: { region: 'eu-central-1' } });
const fronttcp = new FrontTcp(stack, 'FrontTcp', {
  redis: { kind: 'serverless' },
  scaling: { maxTasks: 4 },
  dataPolicy: 'destroy',
});
new CfnOutput(stack, 'Api', { value: fronttcp.apiUrl });
new CfnOutput(stack, 'Tcp', { value: fronttcp.tcpEndpoint });
