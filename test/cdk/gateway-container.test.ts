import { describe, expect } from 'vitest';
import { checkDecisions } from './support/decisions.ts';
import { container, environment, setEnvironment, TARGETS, TASK } from './support/gateway-template.ts';
import { resourceOf, resourcesOf, UPSTASH_SECRET } from './support/synthesis.ts';

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
      name: 'gives a new gateway two minutes to find Redis before a failed health check counts',
      holds: (t) => expect(container(t).HealthCheck.StartPeriod).toBe(120),
      undo: (t) => {
        container(t).HealthCheck.StartPeriod = 30;
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
      name: 'listens with a deep backlog, and sets no keepalive, which each socket has of its own',
      holds: (t) => expect(container(t).SystemControls).toEqual([{ Namespace: 'net.core.somaxconn', Value: '16384' }]),
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
