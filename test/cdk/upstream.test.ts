import { aws_lambda as lambda, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../gateway/config.ts';
import type { UpstreamSettings } from '../../lib/gateway/upstream.ts';
import {
  newFrontTcp,
  newStack,
  resourceOf,
  resourcesOf,
  type TemplateJson,
  UPSTREAM_ALIAS,
} from './support/synthesis.ts';

function newAlias(stack: Stack, name: string): lambda.Alias {
  const handler = new lambda.Function(stack, name, {
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: lambda.Code.fromInline('exports.handler = async () => ({})'),
  });
  // Optional members that may be undefined: the library's own classes do not fit its interfaces to the letter.
  const version = handler.currentVersion as lambda.IVersion;
  return new lambda.Alias(stack, `${name}Live`, { aliasName: 'live', version });
}

function templateWith(upstream: (alias: lambda.IAlias, other: lambda.IAlias) => UpstreamSettings): TemplateJson {
  const stack = newStack();
  const settings = upstream(newAlias(stack, 'Devices') as lambda.IAlias, newAlias(stack, 'Sessions') as lambda.IAlias);
  newFrontTcp({ upstream: settings }, stack);
  return Template.fromStack(stack).toJSON() as TemplateJson;
}

const environment = (template: TemplateJson): Record<string, unknown> =>
  Object.fromEntries(
    resourceOf(template, 'AWS::ECS::TaskDefinition').Properties.ContainerDefinitions[0].Environment.map(
      (one: { Name: string; Value: unknown }) => [one.Name, one.Value],
    ),
  );

/** Statements that let somebody invoke a function. */
const invokes = (template: TemplateJson): { Resource: unknown }[] =>
  resourcesOf(template, 'AWS::IAM::Policy')
    .flatMap((policy) => policy.Properties.PolicyDocument.Statement)
    .filter(({ Action }) => [Action].flat().includes('lambda:InvokeFunction'));

describe('a function for what devices send', () => {
  it('is passed to the gateways, which may invoke its alias and nothing else', () => {
    const template = templateWith((alias) => ({ alias, events: '1000-1099', requests: 'none' }));
    const variables = environment(template);
    expect(variables).toMatchObject({ UPSTREAM_EVENTS: '1000-1099', UPSTREAM_REQUESTS: 'none' });
    const [statement, ...more] = invokes(template);
    expect(more).toEqual([]);
    expect(statement?.Resource).toEqual(variables.UPSTREAM_FUNCTION);
    const reference = variables.UPSTREAM_FUNCTION as { Ref: string };
    expect(template.Resources[reference.Ref]?.Type).toBe('AWS::Lambda::Alias');
  });

  it('has a queue for what it failed to take three times, kept, encrypted, and reached over TLS alone', () => {
    const template = templateWith((alias) => ({ alias }));
    const config = resourceOf(template, 'AWS::Lambda::EventInvokeConfig').Properties;
    expect(config).toMatchObject({ MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 21_600 });
    expect(JSON.stringify(config.DestinationConfig.OnFailure)).toContain('DeadLetters');
    const [queue] = resourcesOf(template, 'AWS::SQS::Queue');
    expect(queue?.Properties).toMatchObject({ SqsManagedSseEnabled: true, MessageRetentionPeriod: 1_209_600 });
    expect(queue?.DeletionPolicy).toBe('RetainExceptOnCreate');
    const [policy] = resourcesOf(template, 'AWS::SQS::QueuePolicy');
    expect(JSON.stringify(policy?.Properties)).toContain('"aws:SecureTransport":"false"');
  });

  it('has alarms for its refusals and for that queue', () => {
    const watched = (template: TemplateJson) =>
      resourcesOf(template, 'AWS::CloudWatch::Alarm').flatMap(({ Properties }) =>
        /Runbook: upstream/.test(Properties.AlarmDescription ?? '') ? [Properties] : [],
      );
    const [failing, deadLetters] = watched(templateWith((alias) => ({ alias })));
    expect(failing).toMatchObject({ Namespace: 'FrontTcp', MetricName: 'UpstreamFailures', Statistic: 'Sum' });
    expect(deadLetters).toMatchObject({ Namespace: 'AWS/SQS', Threshold: 1, Statistic: 'Maximum' });
    expect(JSON.stringify(deadLetters?.Dimensions)).toContain('DeadLetters');
    expect(watched(templateWith(() => ({ alias: UPSTREAM_ALIAS }))).map(({ MetricName }) => MetricName)).toEqual([
      'UpstreamFailures',
    ]);
  });

  it('shares its queue with a separate lifecycle function, and keeps its earlier settings', () => {
    const both = templateWith((alias, lifecycle) => ({ alias, lifecycle }));
    const configs = resourcesOf(both, 'AWS::Lambda::EventInvokeConfig').map(({ Properties }) => Properties);
    expect(configs.length).toBe(2);
    for (const config of configs) expect(JSON.stringify(config.DestinationConfig.OnFailure)).toContain('DeadLetters');
    const own = templateWith((alias) => {
      alias.configureAsyncInvoke({ retryAttempts: 0 });
      return { alias };
    });
    expect(resourceOf(own, 'AWS::Lambda::EventInvokeConfig').Properties.MaximumRetryAttempts).toBe(0);
    expect(resourcesOf(own, 'AWS::SQS::Queue')).toEqual([]);
  });

  it('may be a separate function for lifecycle events, or none', () => {
    const none = environment(templateWith((alias) => ({ alias, lifecycle: 'none' })));
    expect(none.UPSTREAM_LIFECYCLE_FUNCTION).toBe('none');
    const other = templateWith((alias) => ({ alias, lifecycle: UPSTREAM_ALIAS }));
    expect(environment(other).UPSTREAM_LIFECYCLE_FUNCTION).toBe(UPSTREAM_ALIAS);
    expect(invokes(other).flatMap(({ Resource }) => Resource)).toContain(UPSTREAM_ALIAS);
  });

  it('may be given by its ARN, and the gateway accepts the variables', () => {
    const variables = environment(templateWith(() => ({ alias: UPSTREAM_ALIAS })));
    expect(variables.UPSTREAM_FUNCTION).toBe(UPSTREAM_ALIAS);
    const own = Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith('UPSTREAM_')));
    expect(() => parseConfig({ REDIS_URL: 'redis://127.0.0.1', ...(own as Record<string, string>) })).not.toThrow();
  });

  it('is refused without an alias, with a sentence', () => {
    const unqualified = UPSTREAM_ALIAS.replace(':live', '');
    expect(() => templateWith(() => ({ alias: unqualified }))).toThrow(/is not the ARN of an alias or a version/);
  });
});
