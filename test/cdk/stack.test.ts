import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { expect, it } from 'vitest';
import { FrontTcpStack } from '../../lib/front-tcp-stack.ts';
import { parseSettings, type Settings } from '../../lib/settings.ts';
import { repository } from '../kit/process.ts';
import { artifacts, newApp, policiesOf, resourcesOf, type TemplateJson, UPSTASH_SECRET } from './support/synthesis.ts';

interface StackTemplate extends TemplateJson {
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown; readonly Description: string }>>;
}

function deployed(settings: Settings = {}): { stack: FrontTcpStack; template: StackTemplate } {
  const stack = new FrontTcpStack(newApp(), parseSettings({ artifacts, region: 'eu-central-1', ...settings }, 'test'));
  return { stack, template: Template.fromStack(stack).toJSON() as StackTemplate };
}

/** Types of the resources that a value refers to. */
const referred = ({ Resources }: StackTemplate, value: unknown): (string | undefined)[] =>
  [...JSON.stringify(value).matchAll(/"(?:Ref":|Fn::GetAtt":\[)"(\w+)"/g)].map(([, id]) => Resources[id ?? '']?.Type);

it('outputs the addresses of everything it deployed', () => {
  const { template } = deployed();
  const { Outputs } = template;
  const types = Object.fromEntries(
    Object.entries(Outputs)
      .filter(([, { Description }]) => Description !== undefined)
      .map(([name, { Value }]) => [name, referred(template, Value)[0]]),
  );
  expect(types).toEqual({
    ApiUrl: 'AWS::ApiGatewayV2::Api',
    TcpEndpoint: 'AWS::ElasticLoadBalancingV2::LoadBalancer',
    ConsoleUrl: 'AWS::ApiGatewayV2::Api',
    TcpTls: undefined,
    DashboardUrl: 'AWS::CloudWatch::Dashboard',
    StoreSecretArn: 'AWS::SecretsManager::Secret',
    RelayFunction: 'AWS::Lambda::Function',
    ClusterName: 'AWS::ECS::Cluster',
    ServiceName: 'AWS::ECS::Service',
  });
  // docs/deploy.md lists them, and looks up some by their name.
  const page = readFileSync(join(repository, 'docs/deploy.md'), 'utf8');
  const [listed = ''] = /it prints the outputs: [^.]*\./.exec(page) ?? [];
  const names = [...listed.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  expect(names.toSorted()).toEqual(Object.keys(types).toSorted());
  const lookedUp = [...page.matchAll(/OutputKey=='(\w+)'/g)].map(([, name]) => name);
  expect(lookedUp.filter((name) => !names.includes(name))).toEqual([]);
  expect(lookedUp.length).toBeGreaterThan(0);
  expect(JSON.stringify(Outputs.TcpEndpoint?.Value)).toContain(':8124"');
  expect(JSON.stringify(Outputs.ConsoleUrl?.Value)).toContain('/web/send-command');
});

it('tags its resources', () => {
  const { template } = deployed({ tags: { team: 'fleet' } });
  for (const type of ['AWS::ECS::Service', 'AWS::Lambda::Function', 'AWS::SecretsManager::Secret', 'AWS::EC2::VPC']) {
    for (const { Properties } of resourcesOf(template, type)) {
      // The helper of the CDK that empties the default security group takes no tags.
      if (type === 'AWS::Lambda::Function' && !Properties.Description?.startsWith('fronttcp ')) continue;
      expect(Properties.Tags, type).toContainEqual({ Key: 'application', Value: 'fronttcp' });
      expect(Properties.Tags, type).toContainEqual({ Key: 'team', Value: 'fleet' });
    }
  }
});

it('is protected from deletion, unless it may lose its data', () => {
  expect(deployed().stack.terminationProtection).toBe(true);
  expect(deployed({ dataPolicy: 'destroy' }).stack.terminationProtection).toBe(false);
});

const TOPIC = 'arn:aws:sns:eu-central-1:111111111111:alarms';
const KEY = 'arn:aws:kms:eu-central-1:111111111111:key/01234567-89ab-cdef-0123-456789abcdef';

it('sends every alarm and its end to the given topic, and encrypts all stored data with the given key', () => {
  const { template } = deployed({ alarmTopicArn: TOPIC, encryptionKeyArn: KEY });
  const alarms = resourcesOf(template, 'AWS::CloudWatch::Alarm').filter(({ Properties }) =>
    Properties.AlarmDescription?.includes('Runbook: '),
  );
  expect(alarms.length).toBeGreaterThan(12);
  for (const { Properties } of alarms) {
    expect(Properties.AlarmActions).toEqual([TOPIC]);
    expect(Properties.OKActions).toEqual([TOPIC]);
  }
  const keys = [
    ...resourcesOf(template, 'AWS::Logs::LogGroup').map(({ Properties }) => Properties.KmsKeyId),
    ...resourcesOf(template, 'AWS::SecretsManager::Secret').map(({ Properties }) => Properties.KmsKeyId),
    ...resourcesOf(template, 'AWS::ElastiCache::ReplicationGroup').map(({ Properties }) => Properties.KmsKeyId),
    ...resourcesOf(template, 'AWS::Lambda::Function')
      .filter(({ Properties }) => String(Properties.Description).startsWith('fronttcp '))
      .map(({ Properties }) => Properties.KmsKeyArn),
  ];
  expect(new Set(keys)).toEqual(new Set([KEY]));
});

const SECRET = UPSTASH_SECRET.replace('us-east-1', 'eu-central-1');

const stores: readonly (readonly [name: string, settings: Settings])[] = [
  ['the store', { redis: { kind: 'valkey' } }],
  ['the user', { redis: { kind: 'upstash', secretArn: SECRET } }],
];

it.each(stores)('reads secrets of %s that the given key encrypts', (_, settings) => {
  const { template } = deployed({
    encryptionKeyArn: KEY,
    tls: { kind: 'gateway', secretArn: SECRET.replace('upstash', 'tls') },
    ...settings,
  });
  const readers = policiesOf(template).filter((policy) =>
    JSON.stringify(policy).includes('secretsmanager:GetSecretValue'),
  );
  // The functions and the relay, the start of a task, and the gateway itself.
  expect(readers.length).toBeGreaterThan(5);
  for (const { Statement } of readers) {
    expect(Statement).toContainEqual(
      expect.objectContaining({
        Action: 'kms:Decrypt',
        Resource: KEY,
        Condition: { StringLike: { 'kms:ViaService': 'secretsmanager.*' } },
      }),
    );
  }
});

it.each([
  ['a topic that is none', { alarmTopicArn: KEY }, /alarmTopicArn is .*: give the ARN of an SNS topic/],
  ['a topic of another region', { alarmTopicArn: TOPIC.replace('central', 'west') }, /alarmTopicArn is of eu-west-1/],
  ['a key of another region', { encryptionKeyArn: KEY.replace('central', 'west') }, /encryptionKeyArn is of eu-west-1/],
])('refuses %s', (_, settings, sentence) => {
  expect(() => deployed(settings)).toThrow(sentence);
});

it('keeps logs for the given time', () => {
  const { template } = deployed({ logRetentionDays: 7 });
  for (const { Properties } of resourcesOf(template, 'AWS::Logs::LogGroup')) expect(Properties.RetentionInDays).toBe(7);
});
