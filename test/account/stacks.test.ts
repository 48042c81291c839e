import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { FrontTcpStack } from '../../lib/front-tcp-stack.ts';
import { parseSettings } from '../../lib/settings.ts';
import { artifacts, newApp, type TemplateJson } from '../cdk/support/synthesis.ts';
import { accountStacks, type StackKind, settingsOf } from './stacks.ts';
import { testNames } from './tests.ts';

const kinds = Object.keys(accountStacks) as StackKind[];

describe.each(kinds)('the stack %s of the account tests', (kind) => {
  const settings = settingsOf(kind, `FrontTcpTest-${kind}-1`, 'eu-west-1');
  const stack = new FrontTcpStack(newApp(), parseSettings({ ...settings, artifacts }, 'stacks.ts'));
  const template = Template.fromStack(stack).toJSON() as TemplateJson;

  it('leaves nothing behind', () => {
    expect(stack.terminationProtection).toBe(false);
    const kept = Object.entries(template.Resources).filter(
      ([, { DeletionPolicy = 'Delete', UpdateReplacePolicy = 'Delete' }]) =>
        DeletionPolicy !== 'Delete' || UpdateReplacePolicy !== 'Delete',
    );
    // A version of a function is kept while the function is there, and goes with it.
    expect(kept.filter(([, { Type }]) => Type !== 'AWS::Lambda::Version').map(([id]) => id)).toEqual([]);
  });

  it('is in the region that was asked for, under the name that teardown removes', () => {
    expect(stack.region).toBe('eu-west-1');
    expect(stack.stackName).toBe(`FrontTcpTest-${kind}-1`);
  });
});

it('every test is run on some stack', () => {
  const run = new Set<string>(kinds.flatMap((kind) => accountStacks[kind].tests));
  expect(testNames.filter((name) => !run.has(name))).toEqual([]);
});
