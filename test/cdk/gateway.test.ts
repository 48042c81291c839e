import { describe, expect } from 'vitest';
import { checkDecisions } from './support/decisions.ts';
import { CERTIFICATE, resourceOf, resourcesOf, type TemplateJson, UPSTASH_SECRET } from './support/synthesis.ts';

const TASK = 'AWS::ECS::TaskDefinition';
const SERVICE = 'AWS::ECS::Service';
const TARGETS = 'AWS::ElasticLoadBalancingV2::TargetGroup';
const LISTENER = 'AWS::ElasticLoadBalancingV2::Listener';
const BALANCER = 'AWS::ElasticLoadBalancingV2::LoadBalancer';

const container = (template: TemplateJson) => resourceOf(template, TASK).Properties.ContainerDefinitions[0];
const environment = (template: TemplateJson): Record<string, unknown> =>
  Object.fromEntries(
    container(template).Environment.map((one: { Name: string; Value: unknown }) => [one.Name, one.Value]),
  );
const setEnvironment = (template: TemplateJson, name: string, value: string): void => {
  container(template).Environment.find((one: { Name: string }) => one.Name === name).Value = value;
};
const attributes = (template: TemplateJson): Record<string, string> =>
  Object.fromEntries(
    resourceOf(template, TARGETS).Properties.TargetGroupAttributes.map((one: { Key: string; Value: string }) => [
      one.Key,
      one.Value,
    ]),
  );
const setAttribute = (template: TemplateJson, key: string, value: string): void => {
  const list: { Key: string; Value: string }[] = resourceOf(template, TARGETS).Properties.TargetGroupAttributes;
  for (const one of list) if (one.Key === key) one.Value = value;
};

describe('the container', () => {
  checkDecisions([
    {
      name: 'may not write its root file system',
      holds: (t) => expect(container(t).ReadonlyRootFilesystem).toBe(true),
      undo: (t) => {
        container(t).ReadonlyRootFilesystem = false;
      },
    },
    {
      name: 'is not root',
      holds: (t) => expect(container(t).User).toBe('1000:1000'),
      undo: (t) => {
        container(t).User = 'root';
      },
    },
    {
      name: 'has no capabilities, and an init process that passes signals on',
      holds: (t) =>
        expect(container(t).LinuxParameters).toEqual({ Capabilities: { Drop: ['ALL'] }, InitProcessEnabled: true }),
      undo: (t) => {
        container(t).LinuxParameters.Capabilities.Drop = [];
      },
    },
    {
      name: 'checks its own health by a small script, as patiently as the load balancer',
      holds: (t) => {
        expect(container(t).HealthCheck.Command).toEqual(['CMD', 'node', 'healthcheck.mjs']);
        const { UnhealthyThresholdCount } = resourceOf(t, TARGETS).Properties;
        expect(container(t).HealthCheck.Retries).toBeGreaterThanOrEqual(UnhealthyThresholdCount);
      },
      undo: (t) => {
        container(t).HealthCheck.Retries = 3;
      },
    },
    {
      name: 'is killed no sooner than its drain has ended',
      holds: (t) => {
        const drainSeconds = Number(environment(t).DRAIN_TIMEOUT_MS) / 1000;
        expect(container(t).StopTimeout).toBeLessThanOrEqual(120);
        expect(container(t).StopTimeout).toBeGreaterThanOrEqual(drainSeconds + 5);
      },
      undo: (t) => setEnvironment(t, 'DRAIN_TIMEOUT_MS', '118000'),
    },
    {
      name: 'may open a million files',
      holds: (t) => expect(container(t).Ulimits).toEqual([{ Name: 'nofile', SoftLimit: 1048576, HardLimit: 1048576 }]),
      undo: (t) => {
        container(t).Ulimits = [];
      },
    },
    {
      name: 'logs without ever blocking',
      holds: (t) => expect(container(t).LogConfiguration.Options.mode).toBe('non-blocking'),
      undo: (t) => {
        container(t).LogConfiguration.Options.mode = 'blocking';
      },
    },
    {
      name: "gets the store's password as a secret and its address without one",
      holds: (t) => {
        expect(container(t).Secrets.map((one: { Name: string }) => one.Name)).toEqual([
          'REDIS_USERNAME',
          'REDIS_PASSWORD',
        ]);
        expect(JSON.stringify(container(t).Environment)).not.toContain('resolve:secretsmanager');
        expect(JSON.stringify(environment(t).REDIS_URL)).toMatch(/rediss:\/\/"/);
      },
      undo: (t) => setEnvironment(t, 'REDIS_KEY_PREFIX', '{{resolve:secretsmanager:x:SecretString:password::}}'),
    },
    {
      name: 'gets the whole URL of Upstash as a secret',
      props: { redis: { kind: 'upstash', secretArn: UPSTASH_SECRET } },
      holds: (t) => {
        expect(container(t).Secrets).toEqual([{ Name: 'REDIS_URL', ValueFrom: `${UPSTASH_SECRET}:redisUrl::` }]);
        expect(environment(t)).not.toHaveProperty('REDIS_URL');
      },
      undo: (t) => {
        container(t).Secrets[0].ValueFrom = `${UPSTASH_SECRET}:redisUrl`;
      },
    },
    {
      name: 'runs on arm64 by default',
      holds: (t) => expect(resourceOf(t, TASK).Properties.RuntimePlatform.CpuArchitecture).toBe('ARM64'),
      undo: (t) => {
        resourceOf(t, TASK).Properties.RuntimePlatform.CpuArchitecture = 'X86_64';
      },
    },
    {
      name: 'listens with a deep backlog',
      holds: (t) =>
        expect(container(t).SystemControls).toContainEqual({ Namespace: 'net.core.somaxconn', Value: '16384' }),
      undo: (t) => {
        container(t).SystemControls.shift();
      },
    },
    {
      name: 'reads its certificate itself, so that it can be renewed without a new task',
      props: { tls: { kind: 'gateway', secretArn: UPSTASH_SECRET } },
      holds: (t) => {
        expect(environment(t).TLS_SECRET_ARN).toBe(UPSTASH_SECRET);
        const policies = resourcesOf(t, 'AWS::IAM::Policy').filter((one) => JSON.stringify(one).includes('TaskRole'));
        expect(JSON.stringify(policies)).toContain('secretsmanager:GetSecretValue');
      },
      undo: (t) => {
        for (const policy of resourcesOf(t, 'AWS::IAM::Policy')) {
          if (JSON.stringify(policy).includes('TaskRole')) policy.Properties.PolicyDocument.Statement = [];
        }
      },
    },
    {
      name: 'protects itself only when asked to, within its own cluster',
      props: { gateway: { taskProtection: true } },
      holds: (t) => {
        expect(environment(t).TASK_PROTECTION).toBe('true');
        const statement = resourcesOf(t, 'AWS::IAM::Policy')
          .flatMap((policy) => policy.Properties.PolicyDocument.Statement)
          .find((one: { Action: unknown }) => JSON.stringify(one.Action).includes('UpdateTaskProtection'));
        expect(Object.keys(statement?.Condition?.ArnEquals ?? {})).toEqual(['ecs:cluster']);
      },
      undo: (t) => {
        for (const policy of resourcesOf(t, 'AWS::IAM::Policy')) {
          for (const statement of policy.Properties.PolicyDocument.Statement) delete statement.Condition;
        }
      },
    },
  ]);
});

describe('the service', () => {
  checkDecisions([
    {
      name: 'does not kill tasks to spread them over the zones',
      holds: (t) => expect(resourceOf(t, SERVICE).Properties.AvailabilityZoneRebalancing).toBe('DISABLED'),
      undo: (t) => {
        delete resourceOf(t, SERVICE).Properties.AvailabilityZoneRebalancing;
      },
    },
    {
      name: 'leaves the number of tasks to autoscaling',
      holds: (t) => expect(resourceOf(t, SERVICE).Properties).not.toHaveProperty('DesiredCount'),
      undo: (t) => {
        resourceOf(t, SERVICE).Properties.DesiredCount = 2;
      },
    },
    {
      name: 'rolls back a failed deployment, also by alarm',
      holds: (t) => {
        const { DeploymentCircuitBreaker, Alarms } = resourceOf(t, SERVICE).Properties.DeploymentConfiguration;
        expect(DeploymentCircuitBreaker).toEqual({ Enable: true, Rollback: true });
        expect(Alarms).toMatchObject({ Enable: true, Rollback: true });
        expect(Alarms.AlarmNames).toHaveLength(2);
      },
      undo: (t) => {
        resourceOf(t, SERVICE).Properties.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback = false;
      },
    },
    {
      name: 'never has less than all of its tasks during a deployment',
      holds: (t) =>
        expect(resourceOf(t, SERVICE).Properties.DeploymentConfiguration).toMatchObject({
          MinimumHealthyPercent: 100,
          // Of two tasks, one at a time.
          MaximumPercent: 150,
        }),
      undo: (t) => {
        resourceOf(t, SERVICE).Properties.DeploymentConfiguration.MinimumHealthyPercent = 50;
      },
    },
    {
      name: 'deploys in waves of a quarter, however many tasks run',
      props: { scaling: { minTasks: 4 } },
      holds: (t) => expect(resourceOf(t, SERVICE).Properties.DeploymentConfiguration.MaximumPercent).toBe(125),
      undo: (t) => {
        resourceOf(t, SERVICE).Properties.DeploymentConfiguration.MaximumPercent = 200;
      },
    },
    {
      name: 'can be deleted: no association of capacity providers that the service still uses',
      holds: (t) => {
        expect(resourcesOf(t, 'AWS::ECS::ClusterCapacityProviderAssociations')).toEqual([]);
        expect(resourceOf(t, SERVICE).Properties).not.toHaveProperty('CapacityProviderStrategy');
        expect(resourceOf(t, SERVICE).Properties.LaunchType).toBe('FARGATE');
      },
      undo: (t) => {
        t.Resources.Providers = { Type: 'AWS::ECS::ClusterCapacityProviderAssociations', Properties: {} };
      },
    },
    {
      name: 'waits for its routes, its endpoints, the rights of its execution role and the way to the store',
      holds: (t) => {
        const needed = Object.entries(t.Resources).filter(
          ([id, one]) =>
            one.Type === 'AWS::EC2::Route' ||
            one.Type === 'AWS::EC2::VPCEndpoint' ||
            (one.Type === 'AWS::IAM::Policy' && id.includes('ExecutionRole')) ||
            (one.Type === 'AWS::EC2::SecurityGroupIngress' && /EndpointGroup|StoreGroup/.test(id)),
        );
        const types = new Set(needed.map(([, one]) => one.Type));
        expect(types.size).toBe(4);
        const awaited = resourceOf(t, SERVICE).DependsOn ?? [];
        const s3 = ([, one]: (typeof needed)[number]): boolean => one.Properties.VpcEndpointType === 'Gateway';
        expect(needed.filter((one) => !s3(one) && !awaited.includes(one[0])).map(([id]) => id)).toEqual([]);
      },
      undo: (t) => {
        resourceOf(t, SERVICE).DependsOn = [];
      },
    },
    {
      name: 'cannot be entered',
      holds: (t) => expect(resourceOf(t, SERVICE).Properties.EnableExecuteCommand).toBe(false),
      undo: (t) => {
        resourceOf(t, SERVICE).Properties.EnableExecuteCommand = true;
      },
    },
  ]);
});

describe('the load balancer', () => {
  checkDecisions([
    {
      name: 'does not cut the connections of a target that failed a health check',
      holds: (t) =>
        expect(attributes(t)).toMatchObject({
          'target_health_state.unhealthy.connection_termination.enabled': 'false',
          'target_health_state.unhealthy.draining_interval_seconds': '120',
        }),
      undo: (t) => setAttribute(t, 'target_health_state.unhealthy.connection_termination.enabled', 'true'),
    },
    {
      name: 'does not cut the connections of a task that drains, and keeps it while new ones still arrive',
      holds: (t) =>
        expect(attributes(t)).toMatchObject({
          'deregistration_delay.connection_termination.enabled': 'false',
          'deregistration_delay.timeout_seconds': '120',
        }),
      undo: (t) => setAttribute(t, 'deregistration_delay.connection_termination.enabled', 'true'),
    },
    {
      name: "shows the gateway the client's own address",
      holds: (t) =>
        expect(attributes(t)).toMatchObject({
          'preserve_client_ip.enabled': 'true',
          'proxy_protocol_v2.enabled': 'false',
        }),
      undo: (t) => setAttribute(t, 'preserve_client_ip.enabled', 'false'),
    },
    {
      name: 'sends PROXY protocol v2 only together with a gateway that expects it',
      props: { gateway: { clientAddress: 'proxy-v2' } },
      holds: (t) => {
        expect(attributes(t)).toMatchObject({
          'preserve_client_ip.enabled': 'false',
          'proxy_protocol_v2.enabled': 'true',
        });
        expect(environment(t).PROXY_PROTOCOL).toBe('v2');
      },
      undo: (t) => setEnvironment(t, 'PROXY_PROTOCOL', 'off'),
    },
    {
      name: 'checks health on its own port, and needs five failures',
      holds: (t) =>
        expect(resourceOf(t, TARGETS).Properties).toMatchObject({
          HealthCheckProtocol: 'HTTP',
          HealthCheckPort: '8125',
          HealthCheckPath: '/healthz',
          HealthCheckIntervalSeconds: 10,
          UnhealthyThresholdCount: 5,
        }),
      undo: (t) => {
        resourceOf(t, TARGETS).Properties.HealthCheckPort = '8124';
      },
    },
    {
      name: 'has its security group from the start, and a path to the targets on both ports',
      holds: (t) => {
        expect(resourceOf(t, BALANCER).Properties.SecurityGroups).toHaveLength(1);
        const ports = (type: string) =>
          resourcesOf(t, type)
            .filter((rule) => rule.Properties.Description === 'load balancer to gateways')
            .map((rule) => rule.Properties.FromPort)
            .sort();
        expect(ports('AWS::EC2::SecurityGroupIngress')).toEqual([8124, 8125]);
        expect(ports('AWS::EC2::SecurityGroupEgress')).toEqual([8124, 8125]);
      },
      undo: (t) => {
        for (const rule of resourcesOf(t, 'AWS::EC2::SecurityGroupEgress')) rule.Properties.FromPort = 1;
      },
    },
    {
      name: 'admits the addresses that were named, and no others',
      props: { gateway: { clientCidrs: ['203.0.113.0/24'] } },
      holds: (t) => {
        const inline = resourcesOf(t, 'AWS::EC2::SecurityGroup').flatMap(
          (one) => one.Properties.SecurityGroupIngress ?? [],
        );
        expect(inline.map((rule: { CidrIp: string; FromPort: number }) => [rule.CidrIp, rule.FromPort])).toEqual([
          ['203.0.113.0/24', 8124],
        ]);
      },
      undo: (t) => {
        for (const group of resourcesOf(t, 'AWS::EC2::SecurityGroup')) {
          for (const rule of group.Properties.SecurityGroupIngress ?? []) rule.CidrIp = '0.0.0.0/0';
        }
      },
    },
    {
      name: 'keeps a silent TCP connection as long as its hosts remember it',
      holds: (t) => {
        expect(resourceOf(t, LISTENER).Properties.Protocol).toBe('TCP');
        expect(resourceOf(t, LISTENER).Properties.ListenerAttributes).toEqual([
          { Key: 'tcp.idle_timeout.seconds', Value: '350' },
        ]);
      },
      undo: (t) => {
        resourceOf(t, LISTENER).Properties.ListenerAttributes[0].Value = '6000';
      },
    },
    {
      name: 'ends TLS with modern versions only, and writes an access log',
      props: { tls: { kind: 'load-balancer', certificateArn: CERTIFICATE } },
      holds: (t) => {
        const listener = resourceOf(t, LISTENER).Properties;
        expect(listener.Protocol).toBe('TLS');
        expect(listener.SslPolicy).toMatch(/^ELBSecurityPolicy-TLS13-1-2-Res-PQ/);
        expect(listener).not.toHaveProperty('ListenerAttributes');
        expect(JSON.stringify(resourceOf(t, BALANCER).Properties.LoadBalancerAttributes)).toContain(
          'access_logs.s3.enabled',
        );
      },
      undo: (t) => {
        resourceOf(t, LISTENER).Properties.SslPolicy = 'ELBSecurityPolicy-2016-08';
      },
    },
  ]);
});

describe('autoscaling', () => {
  const policies = (t: TemplateJson) => resourcesOf(t, 'AWS::ApplicationAutoScaling::ScalingPolicy');
  const tracking = (t: TemplateJson) =>
    policies(t).flatMap((policy) => policy.Properties.TargetTrackingScalingPolicyConfiguration ?? []);
  checkDecisions([
    {
      name: 'starts tasks at 20,000 connections each, or at 55 % of CPU, and takes none away for it',
      holds: (t) => {
        expect(
          tracking(t)
            .map((one) => one.TargetValue)
            .sort(),
        ).toEqual([20_000, 55]);
        expect(tracking(t).map((one) => one.DisableScaleIn)).toEqual([true, true]);
        const custom = tracking(t).find((one) => one.CustomizedMetricSpecification);
        expect(custom?.CustomizedMetricSpecification).toMatchObject({
          Namespace: 'FrontTcp',
          MetricName: 'Connections',
          Statistic: 'Average',
          Dimensions: [{ Name: 'Deployment', Value: environment(t).METRICS_DEPLOYMENT }],
        });
      },
      undo: (t) => setEnvironment(t, 'METRICS_DEPLOYMENT', 'another'),
    },
    {
      name: 'takes one task away at a time, slowly',
      holds: (t) => {
        const step = policies(t).find((policy) => policy.Properties.StepScalingPolicyConfiguration);
        expect(step?.Properties.StepScalingPolicyConfiguration).toMatchObject({
          AdjustmentType: 'ChangeInCapacity',
          Cooldown: 900,
          StepAdjustments: [{ ScalingAdjustment: -1 }],
        });
      },
      undo: (t) => {
        for (const policy of policies(t)) {
          const step = policy.Properties.StepScalingPolicyConfiguration;
          if (step) step.StepAdjustments[0].ScalingAdjustment = -5;
        }
      },
    },
    {
      name: 'takes a task away only while connections and CPU are both low, and none is at its minimum',
      holds: (t) => {
        const alarm = resourcesOf(t, 'AWS::CloudWatch::Alarm').find((one) =>
          JSON.stringify(one.Properties.Metrics ?? []).includes('IF(reports'),
        );
        const [expression] = alarm?.Properties.Metrics.filter((one: { Expression?: string }) => one.Expression) ?? [];
        // Nobody is connected, and nobody works: at two tasks, the minimum, there is still nothing to do.
        const isSpare = (reports: number, connections: number, cpu: number): boolean =>
          new Function(
            'reports',
            'connections',
            'cpu',
            `return ${expression.Expression.replace('IF', '').replaceAll('AND', '&&').replace(', 1, 0', ' ? 1 : 0')}`,
          )(reports, connections, cpu) === 1;
        expect(isSpare(2, 0, 0)).toBe(false);
        expect(isSpare(3, 5_999, 15)).toBe(true);
        expect(isSpare(3, 6_000, 15)).toBe(false);
        expect(isSpare(3, 5_999, 60)).toBe(false);
        expect(alarm?.Properties).toMatchObject({
          Threshold: 1,
          ComparisonOperator: 'GreaterThanOrEqualToThreshold',
          EvaluationPeriods: 15,
        });
      },
      undo: (t) => {
        for (const alarm of resourcesOf(t, 'AWS::CloudWatch::Alarm')) {
          for (const metric of alarm.Properties.Metrics ?? []) {
            if (metric.Expression) metric.Expression = metric.Expression.replace(/ AND cpu < \d+/, '');
          }
        }
      },
    },
    {
      name: 'never goes below two tasks',
      holds: (t) => expect(resourceOf(t, 'AWS::ApplicationAutoScaling::ScalableTarget').Properties.MinCapacity).toBe(2),
      undo: (t) => {
        resourceOf(t, 'AWS::ApplicationAutoScaling::ScalableTarget').Properties.MinCapacity = 1;
      },
    },
  ]);
});
