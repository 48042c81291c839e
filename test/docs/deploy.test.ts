import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSettingsFile } from '../../lib/settings.ts';
import { repository } from '../kit/process.ts';
import { fencesOf, readPage } from './support/fences.ts';

const commands = fencesOf('docs/deploy.md')
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.split('\n').map((line) => line.trim()));
const first = (command: string): number => {
  const at = commands.findIndex((line) => line.startsWith(command));
  expect(at, command).toBeGreaterThanOrEqual(0);
  return at;
};

test('the steps of the first deployment are in working order', () => {
  const order = [
    'aws sts get-caller-identity',
    // An account that has never run a container has no linked role, and its first cluster can fail for it.
    'aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com',
    'npm ci',
    'npx fronttcp doctor --stack',
    'npx cdk bootstrap',
    'npx cdk deploy',
    'npx fronttcp setup --stack',
  ];
  expect(order.map(first)).toEqual(order.map(first).toSorted((a, b) => a - b));
});

test('no command has dots in place of a value', () => {
  expect(commands.filter((line) => /…|\.\.\./.test(line.replaceAll('{ ...settings', '')))).toEqual([]);
});

test('the teardown allows data loss before it deletes, without a prompt', () => {
  expect(first('npx cdk deploy -c settings=teardown.ts')).toBeLessThan(first('npx cdk destroy'));
  expect(commands[first('npx cdk destroy')]).toContain('--force');
});

test('the file of the teardown takes the settings that were deployed, and lets the data go', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-teardown-'));
  try {
    await writeFile(join(folder, 'production.ts'), "export default { stackName: 'FrontTcp-production' };");
    execFileSync('sh', ['-c', commands[first('printf')] ?? ''], { cwd: folder });
    const settings = await readSettingsFile(join(folder, 'teardown.ts'));
    expect(settings).toMatchObject({ stackName: 'FrontTcp-production', dataPolicy: 'destroy' });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the role of the pipeline does without a provider of its own where the account has one already', () => {
  const role = readFileSync(join(repository, 'examples/pipeline/role.yml'), 'utf8');
  const provider = /^ {2}Provider:\n((?: {4}.*\n)+)/m.exec(role)?.[1];
  expect(provider).toContain('Condition: CreatesProvider\n');
  expect(role).toContain("CreatesProvider: !Equals [!Ref ProviderArn, '']");
  expect(role).toContain('Federated: !If [CreatesProvider, !GetAtt Provider.Arn, !Ref ProviderArn]');
  expect(readPage('docs/deploy.md')).toContain('ProviderArn=');
});

test('the pipeline has no long-lived key, and its role trusts one environment of one repository', () => {
  const read = (file: string): string => readFileSync(join(repository, 'examples/pipeline', file), 'utf8');
  const pipeline = read('deploy.yml');
  expect(pipeline).toContain('id-token: write');
  expect(pipeline).toContain('role-to-assume:');
  expect(pipeline).not.toMatch(/secrets\.|AWS_SECRET_ACCESS_KEY|aws-access-key-id/);
  const role = read('role.yml');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation substitutes it
  expect(role).toContain('token.actions.githubusercontent.com:sub: !Sub repo:${Repository}:environment:${Environment}');
  // With a pattern in the subject, every branch of every fork could deploy.
  expect(role).not.toMatch(/StringLike|ForAnyValue/);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation substitutes it
  expect(role).toContain('role/cdk-${Qualifier}-*');
});
