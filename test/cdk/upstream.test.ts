import { aws_lambda as lambda } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../gateway/config.ts';
import type { UpstreamSettings } from '../../lib/gateway/upstream.ts';
import { newFrontTcp, newStack, resourceOf, resourcesOf, type TemplateJson } from './support/synthesis.ts';

const ALIAS_ARN = 'arn:aws:lambda:us-east-1:111111111111:function:devices:live';

function templateWith(upstream: (alias: lambda.IAlias) => UpstreamSettings): TemplateJson {
  const stack = newStack();
  const handler = new lambda.Function(stack, 'Devices', {
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: lambda.Code.fromInline('exports.handler = async () => ({})'),
  });
  // Optional members that may be undefined: the library's own classes do not fit its interfaces to the letter.
  const version = handler.currentVersion as lambda.IVersion;
  const alias = new lambda.Alias(stack, 'Live', { aliasName: 'live', version }) as lambda.IAlias;
  newFrontTcp({ upstream: upstream(alias) }, stack);
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
  it('is told to the gateways, which may invoke its alias and nothing else', () => {
    const template = templateWith((alias) => ({ alias, events: '1000-1099', requests: 'none' }));
    const told = environment(template);
    expect(told).toMatchObject({ UPSTREAM_EVENTS: '1000-1099', UPSTREAM_REQUESTS: 'none' });
    const [statement, ...more] = invokes(template);
    expect(more).toEqual([]);
    expect(statement?.Resource).toEqual(told.UPSTREAM_FUNCTION);
    const reference = told.UPSTREAM_FUNCTION as { Ref: string };
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

  it('may be another for the life of sessions, or none', () => {
    const none = environment(templateWith((alias) => ({ alias, lifecycle: 'none' })));
    expect(none.UPSTREAM_LIFECYCLE_FUNCTION).toBe('none');
    const other = templateWith((alias) => ({ alias, lifecycle: ALIAS_ARN }));
    expect(environment(other).UPSTREAM_LIFECYCLE_FUNCTION).toBe(ALIAS_ARN);
    expect(invokes(other).flatMap(({ Resource }) => Resource)).toContain(ALIAS_ARN);
  });

  it('may be given by its ARN, and the gateway understands what it is told', () => {
    const told = environment(templateWith(() => ({ alias: ALIAS_ARN })));
    expect(told.UPSTREAM_FUNCTION).toBe(ALIAS_ARN);
    const own = Object.fromEntries(Object.entries(told).filter(([name]) => name.startsWith('UPSTREAM_')));
    expect(() => parseConfig({ REDIS_URL: 'redis://127.0.0.1', ...(own as Record<string, string>) })).not.toThrow();
  });

  it('is refused without an alias, with a sentence', () => {
    const unqualified = ALIAS_ARN.replace(':live', '');
    expect(() => templateWith(() => ({ alias: unqualified }))).toThrow(/is not the ARN of an alias or a version/);
  });
});
