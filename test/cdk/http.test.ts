import { describe, expect } from 'vitest';
import { routes } from '../../functions/routes.ts';
import { functionTable } from '../../lib/http/function-table.ts';
import { checkDecisions } from './support/decisions.ts';
import { policiesOf, resourceOf, resourcesOf, type TemplateJson, UPSTASH_SECRET } from './support/synthesis.ts';

const FUNCTION = 'AWS::Lambda::Function';
/** Functions of the route table that use the store, and the relay. */
const withStore = Object.values(functionTable).filter(({ store }) => store).length + 1;
const STAGE = 'AWS::ApiGatewayV2::Stage';

/** Without the custom resource of the CDK that empties the VPC's default security group. */
const functions = (t: TemplateJson) =>
  resourcesOf(t, FUNCTION).filter((one) => one.Properties.Description?.startsWith('fronttcp '));
const variables = (t: TemplateJson) => functions(t).map((one) => one.Properties.Environment.Variables);
const usesStore = (one: Record<string, unknown>) => 'REDIS_SECRET_ARN' in one;

describe('the functions', () => {
  checkDecisions([
    {
      name: 'are one for each of the route table, on arm64 and Node 24',
      holds: (t) => {
        const names = functions(t).map((one) => one.Properties.Description.replace('fronttcp ', ''));
        expect(names.sort()).toEqual([...new Set(routes.map((route) => route.function)), 'relay'].sort());
        for (const one of functions(t)) {
          expect(one.Properties).toMatchObject({
            Runtime: 'nodejs24.x',
            Architectures: ['arm64'],
            Handler: 'index.handler',
          });
        }
      },
      undo: (t) => {
        for (const one of functions(t)) one.Properties.Architectures = ['x86_64'];
      },
    },
    {
      name: 'read no source maps at their start: functions/http/source-stack.ts reads them when a stack is logged',
      holds: (t) => {
        for (const one of variables(t)) expect(one).not.toHaveProperty('NODE_OPTIONS');
      },
      undo: (t) => {
        for (const one of variables(t)) one.NODE_OPTIONS = '--enable-source-maps';
      },
    },
    {
      name: 'read their secret through the extension, by a complete reference',
      holds: (t) => {
        const readers = functions(t).filter((one) => usesStore(one.Properties.Environment.Variables));
        expect(readers).toHaveLength(withStore);
        for (const one of readers) expect(one.Properties.Layers).toHaveLength(1);
        for (const one of variables(t)) expect(JSON.stringify(one)).not.toContain('resolve:');
      },
      undo: (t) => {
        for (const one of functions(t)) delete one.Properties.Layers;
      },
    },
    {
      name: 'time out on the secrets extension before their own time-out',
      holds: (t) => {
        for (const one of functions(t).filter((it) => usesStore(it.Properties.Environment.Variables))) {
          const { SECRETS_MANAGER_TIMEOUT_MILLIS: timeout } = one.Properties.Environment.Variables;
          expect(Number(timeout)).toBeGreaterThan(0);
          // The extension tries three times.
          expect(Number(timeout) * 3).toBeLessThan(one.Properties.Timeout * 1000);
        }
      },
      undo: (t) => {
        for (const one of functions(t)) one.Properties.Environment.Variables.SECRETS_MANAGER_TIMEOUT_MILLIS = '0';
      },
    },
    {
      name: 'are not traced by X-Ray, which is paid for by the request',
      holds: (t) => {
        for (const one of functions(t)) expect(one.Properties.TracingConfig?.Mode ?? 'PassThrough').not.toBe('Active');
        expect(JSON.stringify(t)).not.toContain('xray:');
      },
      undo: (t) => {
        for (const one of functions(t)) one.Properties.TracingConfig = { Mode: 'Active' };
      },
    },
    {
      name: 'are in the VPC, and may be there, only where the store is',
      holds: (t) => {
        for (const one of functions(t)) {
          expect('VpcConfig' in one.Properties).toBe(usesStore(one.Properties.Environment.Variables));
        }
        const allowed = policiesOf(t).filter((policy) => JSON.stringify(policy).includes('ec2:CreateNetworkInterface'));
        expect(allowed).toHaveLength(withStore);
      },
      undo: (t) => {
        for (const policy of policiesOf(t)) {
          for (const statement of policy.Statement) {
            if (JSON.stringify(statement).includes('ec2:')) statement.Action = ['ec2:DescribeSubnets'];
          }
        }
      },
    },
    {
      name: 'are outside of any VPC with Upstash',
      props: { redis: { kind: 'upstash', secretArn: UPSTASH_SECRET } },
      holds: (t) => {
        for (const one of functions(t)) expect(one.Properties).not.toHaveProperty('VpcConfig');
        expect(variables(t).filter((one) => one.REDIS_SECRET_ARN === UPSTASH_SECRET)).toHaveLength(withStore);
      },
      undo: (t) => {
        for (const one of functions(t)) one.Properties.VpcConfig = { SubnetIds: ['subnet-1'] };
      },
    },
    {
      name: 'without a need for the store have no right to its secret',
      holds: (t) => {
        const readers = policiesOf(t).filter((policy) =>
          JSON.stringify(policy).includes('secretsmanager:GetSecretValue'),
        );
        // Those functions, and the execution role that injects it into the gateways.
        expect(readers).toHaveLength(withStore + 1);
      },
      undo: (t) => {
        const [policy] = policiesOf(t).filter((one) => !JSON.stringify(one).includes('GetSecretValue'));
        policy?.Statement.push({ Action: 'secretsmanager:GetSecretValue', Resource: '*' });
      },
    },
    {
      name: 'keep their logs for a month, without a line for every call',
      holds: (t) => {
        for (const one of functions(t)) {
          expect(one.Properties.LoggingConfig).toMatchObject({ LogFormat: 'JSON', SystemLogLevel: 'WARN' });
          expect(one.Properties.LoggingConfig.LogGroup).toBeDefined();
        }
        for (const group of resourcesOf(t, 'AWS::Logs::LogGroup')) expect(group.Properties.RetentionInDays).toBe(30);
      },
      undo: (t) => {
        for (const group of resourcesOf(t, 'AWS::Logs::LogGroup')) delete group.Properties.RetentionInDays;
      },
    },
    {
      name: 'give up before the API does, and have more CPU where passwords are hashed',
      holds: (t) => {
        const timeout = (name: string) =>
          functions(t).find((one) => one.Properties.Description === `fronttcp ${name}`)?.Properties.Timeout;
        expect(timeout('login')).toBe(10);
        // A command may wait for a device for 25 seconds.
        expect(timeout('send-command')).toBe(29);
        for (const one of functions(t)) expect(one.Properties.Timeout).toBeLessThan(30);
        const login = functions(t).find((one) => one.Properties.Description === 'fronttcp login');
        expect(login?.Properties.MemorySize).toBe(1024);
      },
      undo: (t) => {
        for (const one of functions(t)) one.Properties.Timeout = 60;
      },
    },
  ]);
});

describe('the API', () => {
  checkDecisions([
    {
      name: 'has every route of the table, and the one for everything else',
      holds: (t) => {
        const keys = resourcesOf(t, 'AWS::ApiGatewayV2::Route').map((one) => one.Properties.RouteKey);
        expect(keys.sort()).toEqual([...routes.map(({ method, path }) => `${method} ${path}`), '$default'].sort());
      },
      undo: (t) => {
        for (const one of resourcesOf(t, 'AWS::ApiGatewayV2::Route')) one.Properties.RouteKey = 'GET /';
      },
    },
    {
      name: 'does not lead to the relay',
      holds: (t) => {
        const relay = Object.entries(t.Resources).find(([, one]) => one.Properties?.Description === 'fronttcp relay');
        const reachable = [
          ...resourcesOf(t, 'AWS::Lambda::Permission'),
          ...resourcesOf(t, 'AWS::ApiGatewayV2::Integration'),
        ];
        expect(relay).toBeDefined();
        expect(JSON.stringify(reachable)).not.toContain('FrontTcpRelay');
      },
      undo: (t) => {
        const [one] = resourcesOf(t, 'AWS::ApiGatewayV2::Integration');
        if (one) one.Properties.IntegrationUri = { Ref: 'FrontTcpRelayLive' };
      },
    },
    {
      name: 'is the only one that may call its functions, by one permission each',
      holds: (t) => {
        const [api] = Object.entries(t.Resources).find(([, one]) => one.Type === 'AWS::ApiGatewayV2::Api') ?? [];
        const permissions = resourcesOf(t, 'AWS::Lambda::Permission').map((one) => one.Properties);
        const called = resourcesOf(t, 'AWS::ApiGatewayV2::Integration').map((one) => one.Properties.IntegrationUri.Ref);
        expect(permissions.map((one) => one.FunctionName.Ref).sort()).toEqual(called.sort());
        for (const { Principal, SourceArn } of permissions) {
          expect(Principal).toBe('apigateway.amazonaws.com');
          expect(JSON.stringify(SourceArn)).toContain(`{"Ref":"${api}"},"/*/*/*"]`);
        }
      },
      undo: (t) => {
        const [one] = resourcesOf(t, 'AWS::Lambda::Permission');
        if (one) one.Properties.SourceArn = undefined;
      },
    },
    {
      name: 'calls the aliases, so that a canary is not passed by',
      holds: (t) => {
        const aliases = Object.keys(t.Resources).filter((id) => t.Resources[id]?.Type === 'AWS::Lambda::Alias');
        for (const one of resourcesOf(t, 'AWS::ApiGatewayV2::Integration')) {
          expect(aliases).toContain(one.Properties.IntegrationUri.Ref);
          expect(one.Properties.PayloadFormatVersion).toBe('2.0');
        }
      },
      undo: (t) => {
        for (const one of resourcesOf(t, 'AWS::ApiGatewayV2::Integration'))
          one.Properties.IntegrationUri = { Ref: 'Other' };
      },
    },
    {
      name: 'shifts a tenth of the calls for five minutes, and back on an error or on slowness',
      holds: (t) => {
        const groups = resourcesOf(t, 'AWS::CodeDeploy::DeploymentGroup');
        expect(groups).toHaveLength(new Set(routes.map((route) => route.function)).size);
        for (const group of groups) {
          expect(group.Properties.DeploymentConfigName).toBe('CodeDeployDefault.LambdaCanary10Percent5Minutes');
          const alarms = group.Properties.AlarmConfiguration.Alarms;
          expect(alarms).toHaveLength(JSON.stringify(alarms).includes('SendCommand') ? 1 : 2);
          expect(group.Properties.AutoRollbackConfiguration.Events).toContain('DEPLOYMENT_STOP_ON_ALARM');
        }
      },
      undo: (t) => {
        for (const group of resourcesOf(t, 'AWS::CodeDeploy::DeploymentGroup')) {
          group.Properties.DeploymentConfigName = 'CodeDeployDefault.LambdaAllAtOnce';
        }
      },
    },
    {
      name: 'is called by the name of its deployment',
      holds: (t) => expect(resourceOf(t, 'AWS::ApiGatewayV2::Api').Properties.Name).toContain('FrontTcp'),
      undo: (t) => {
        resourceOf(t, 'AWS::ApiGatewayV2::Api').Properties.Name = 'Api';
      },
    },
    {
      name: 'is throttled, and at its logins more, once those routes are there',
      holds: (t) => {
        const stage = resourceOf(t, STAGE);
        expect(stage.Properties.DefaultRouteSettings).toMatchObject({
          ThrottlingRateLimit: 500,
          ThrottlingBurstLimit: 1000,
        });
        expect(stage.Properties.RouteSettings['POST /login']).toMatchObject({ ThrottlingRateLimit: 20 });
        expect(stage.Properties.RouteSettings['POST /api/v1100/login']).toMatchObject({ ThrottlingRateLimit: 20 });
        const login = Object.entries(t.Resources).find(([, one]) => one.Properties?.RouteKey === 'POST /login');
        expect(stage.DependsOn).toContain(login?.[0]);
      },
      undo: (t) => {
        resourceOf(t, STAGE).DependsOn = [];
      },
    },
    {
      name: 'writes an access log without anything that was sent',
      holds: (t) => {
        const { Format } = resourceOf(t, STAGE).Properties.AccessLogSettings;
        expect(Object.keys(JSON.parse(Format)).sort()).toEqual([
          'error',
          'ip',
          'latencyMs',
          'requestId',
          'route',
          'status',
        ]);
      },
      undo: (t) => {
        resourceOf(t, STAGE).Properties.AccessLogSettings.Format = '{"token":"$context.authorizer.token"}';
      },
    },
    {
      name: 'is closed to pages from elsewhere',
      holds: (t) => expect(resourceOf(t, 'AWS::ApiGatewayV2::Api').Properties).not.toHaveProperty('CorsConfiguration'),
      undo: (t) => {
        resourceOf(t, 'AWS::ApiGatewayV2::Api').Properties.CorsConfiguration = { AllowOrigins: ['*'] };
      },
    },
  ]);
});
