import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { FrontTcpStack } from '../../lib/front-tcp-stack.ts';
import type { GatewayDeployment } from '../../lib/gateway/gateway-settings.ts';
import { parseSettings } from '../../lib/settings.ts';
import { checkDecisions } from './support/decisions.ts';
import {
  artifacts,
  newApp,
  newFrontTcp,
  resourceOf,
  resourcesOf,
  type TemplateJson,
  templateOf,
} from './support/synthesis.ts';

const SERVICE = 'AWS::ECS::Service';
const TARGETS = 'AWS::ElasticLoadBalancingV2::TargetGroup';

const deployment = (t: TemplateJson) => resourceOf(t, SERVICE).Properties.DeploymentConfiguration;
const shift = (t: TemplateJson) => ({
  strategy: deployment(t).Strategy,
  ...deployment(t).LinearConfiguration,
  ...deployment(t).CanaryConfiguration,
});

/** The template of a settings file, by the way that `cdk deploy` goes. */
function templateOfFile(given: unknown): TemplateJson {
  const settings = parseSettings({ artifacts, gateway: { deployment: given } }, 'settings.json');
  return Template.fromStack(new FrontTcpStack(newApp(), settings)).toJSON() as TemplateJson;
}

describe('a linear deployment of the gateways', () => {
  const props = { gateway: { deployment: { kind: 'linear', percent: 12.5, bakeMinutes: 9 } } } as const;
  checkDecisions([
    {
      name: 'shifts new connections by the percent that was named, and waits as long after each step',
      props,
      holds: (t) => {
        expect(shift(t)).toEqual({ strategy: 'LINEAR', StepPercent: 12.5, StepBakeTimeInMinutes: 9 });
        expect(deployment(t)).not.toHaveProperty('CanaryConfiguration');
      },
      undo: (t) => {
        deployment(t).LinearConfiguration.StepPercent = 20;
      },
    },
    {
      name: 'runs all old tasks beside all new ones while it shifts',
      props,
      holds: (t) => expect(deployment(t)).toMatchObject({ MinimumHealthyPercent: 100, MaximumPercent: 200 }),
      undo: (t) => {
        deployment(t).MaximumPercent = 150;
      },
    },
    {
      name: 'has a second target group with the same attributes and health checks, and a role that may shift to it',
      props,
      holds: (t) => {
        const groups = resourcesOf(t, TARGETS).map(({ Properties: { Name, Tags, ...rest } }) => rest);
        expect(groups).toHaveLength(2);
        expect(groups[1]).toEqual(groups[0]);
        expect(Object.keys(resourceOf(t, SERVICE).Properties.LoadBalancers[0].AdvancedConfiguration).sort()).toEqual([
          'AlternateTargetGroupArn',
          'ProductionListenerRule',
          'RoleArn',
        ]);
      },
      undo: (t) => {
        resourcesOf(t, TARGETS)[1]?.Properties.TargetGroupAttributes.pop();
      },
    },
    {
      name: 'is taken back by an alarm that looks at the targets of both groups',
      props,
      holds: (t) => {
        expect(deployment(t).Alarms).toMatchObject({ Enable: true, Rollback: true });
        const unhealthy = resourcesOf(t, 'AWS::CloudWatch::Alarm').find((one) =>
          one.Properties.AlarmDescription?.includes('unhealthy-targets'),
        );
        expect(JSON.stringify(unhealthy?.Properties.Metrics).match(/UnHealthyHostCount/g)).toHaveLength(2);
      },
      undo: (t) => {
        deployment(t).Alarms.Rollback = false;
      },
    },
  ]);
});

describe.each([
  ['the constructs', (given: GatewayDeployment) => templateOf({ gateway: { deployment: given } })],
  ['a settings file', templateOfFile],
])('%s', (_, made) => {
  it.each([
    [{ kind: 'linear' }, { strategy: 'LINEAR', StepPercent: 20, StepBakeTimeInMinutes: 6 }],
    [
      { kind: 'linear', percent: 3, bakeMinutes: 0 },
      { strategy: 'LINEAR', StepPercent: 3, StepBakeTimeInMinutes: 0 },
    ],
    [{ kind: 'canary' }, { strategy: 'CANARY', CanaryPercent: 5, CanaryBakeTimeInMinutes: 10 }],
    [{ kind: 'rolling' }, { strategy: undefined }],
  ] as const)('shifts as %j says', (given, expected) => {
    expect(shift(made(given))).toEqual(expected);
  });
});

describe('a wrong deployment is refused, with what to give instead,', () => {
  const wrong: readonly (readonly [name: string, given: object, path: string, sentence: RegExp])[] = [
    ['steps of 2 percent', { kind: 'linear', percent: 2 }, 'percent', /must be 3 to 100/],
    ['steps of 101 percent', { kind: 'linear', percent: 101 }, 'percent', /must be 3 to 100/],
    ['hundredths of a percent', { kind: 'linear', percent: 12.55 }, 'percent', /at most one decimal place/],
    ['a share of a word', { kind: 'linear', percent: 'half' }, 'percent', /must be 3 to 100/],
    ['a canary of nothing', { kind: 'canary', percent: 0 }, 'percent', /must be 0\.1 to 100/],
    ['half a minute', { kind: 'linear', bakeMinutes: 0.5 }, 'bakeMinutes', /must be whole minutes from 0 to 1440/],
    ['more than a day', { kind: 'linear', bakeMinutes: 1441 }, 'bakeMinutes', /must be whole minutes from 0 to 1440/],
    ['time before the start', { kind: 'canary', bakeMinutes: -1 }, 'bakeMinutes', /from 0 to 1440, which is a day/],
    ['a kind that ECS does not have', { kind: 'exponential' }, 'kind', /Invalid/],
    ['steps of a rolling deployment', { kind: 'rolling', percent: 20 }, '', /percent/],
  ];
  it.each(wrong)('in the constructs: %s', (_, given, path, sentence) => {
    const make = () => newFrontTcp({ gateway: { deployment: given as GatewayDeployment } });
    expect(make).toThrow(sentence);
    expect(make).toThrow(`gateway.deployment${path && `.${path}`}: `);
  });
  it.each(wrong)('in a settings file: %s', (_, given, path, sentence) => {
    const make = () => templateOfFile(given);
    expect(make).toThrow(sentence);
    expect(make).toThrow(`settings.json: `);
    expect(make).toThrow(`at gateway.deployment${path && `.${path}`}`);
  });
});
