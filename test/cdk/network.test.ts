import { describe, expect, test } from 'vitest';
import { checkDecisions } from './support/decisions.ts';
import {
  resourceOf,
  resourcesOf,
  type TemplateJson,
  templateOf,
  UPSTASH_SECRET,
  UPSTREAM_ALIAS,
} from './support/synthesis.ts';

const ENDPOINT = 'AWS::EC2::VPCEndpoint';
const upstash = { kind: 'upstash', secretArn: UPSTASH_SECRET } as const;

const interfaceEndpoints = (t: TemplateJson) =>
  resourcesOf(t, ENDPOINT)
    .filter((one) => one.Properties.VpcEndpointType === 'Interface')
    .map((one) => JSON.stringify(one.Properties.ServiceName).match(/\.([a-z.]+)"/)?.[1])
    .sort();
const assignsPublicIp = (t: TemplateJson) =>
  resourceOf(t, 'AWS::ECS::Service').Properties.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp;
const nats = (t: TemplateJson) => resourcesOf(t, 'AWS::EC2::NatGateway').length;

describe('the network', () => {
  checkDecisions([
    {
      name: 'pays for no NAT gateway by default; functions still reach their secret',
      holds: (t) => {
        expect(nats(t)).toBe(0);
        expect(assignsPublicIp(t)).toBe('ENABLED');
        expect(interfaceEndpoints(t)).toEqual(['secretsmanager']);
      },
      undo: (t) => {
        for (const [id, one] of Object.entries(t.Resources)) if (one.Type === ENDPOINT) delete t.Resources[id];
      },
    },
    {
      name: 'needs no endpoints with Upstash',
      props: { redis: upstash },
      holds: (t) => expect(interfaceEndpoints(t)).toEqual([]),
      undo: (t) => {
        t.Resources.Extra = {
          Type: ENDPOINT,
          Properties: { VpcEndpointType: 'Interface', ServiceName: 'com.amazonaws.us-east-1.secretsmanager' },
        };
      },
    },
    {
      name: 'has one NAT gateway when asked for one, and tasks without an address of their own',
      props: { network: { egress: 'nat' } },
      holds: (t) => {
        expect(nats(t)).toBe(1);
        expect(assignsPublicIp(t)).toBe('DISABLED');
      },
      undo: (t) => {
        resourceOf(t, 'AWS::ECS::Service').Properties.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp =
          'ENABLED';
      },
    },
    {
      name: 'is isolated with endpoints for all that a task needs to start',
      props: { network: { egress: 'endpoints' } },
      holds: (t) => {
        expect(nats(t)).toBe(0);
        expect(assignsPublicIp(t)).toBe('DISABLED');
        expect(interfaceEndpoints(t)).toEqual(['ecr.api', 'ecr.dkr', 'logs', 'secretsmanager']);
        const gateways = resourcesOf(t, ENDPOINT).filter((one) => one.Properties.VpcEndpointType === 'Gateway');
        expect(JSON.stringify(gateways)).toContain('.s3');
        const admitted = resourcesOf(t, 'AWS::EC2::SecurityGroupIngress').filter(
          (one) => one.Properties.FromPort === 443,
        );
        expect(admitted).toHaveLength(2);
      },
      undo: (t) => {
        for (const [id, one] of Object.entries(t.Resources)) {
          if (one.Type === ENDPOINT && one.Properties.VpcEndpointType === 'Gateway') delete t.Resources[id];
        }
      },
    },
    {
      name: 'lets isolated gateways reach the function that they invoke',
      props: { network: { egress: 'endpoints' }, upstream: { alias: UPSTREAM_ALIAS } },
      holds: (t) => expect(interfaceEndpoints(t)).toEqual(['ecr.api', 'ecr.dkr', 'lambda', 'logs', 'secretsmanager']),
      undo: (t) => {
        for (const [id, one] of Object.entries(t.Resources)) {
          if (one.Type === ENDPOINT && JSON.stringify(one).includes('.lambda')) delete t.Resources[id];
        }
      },
    },
    {
      name: 'gives no address to what did not ask for one, and records what it rejects',
      holds: (t) => {
        for (const subnet of resourcesOf(t, 'AWS::EC2::Subnet'))
          expect(subnet.Properties.MapPublicIpOnLaunch).toBe(false);
        expect(resourceOf(t, 'AWS::EC2::FlowLog').Properties.TrafficType).toBe('REJECT');
        expect(resourcesOf(t, 'Custom::VpcRestrictDefaultSG')).toHaveLength(1);
      },
      undo: (t) => {
        for (const subnet of resourcesOf(t, 'AWS::EC2::Subnet')) subnet.Properties.MapPublicIpOnLaunch = true;
      },
    },
  ]);
});

test('egress can be changed later: subnets that exist keep their blocks', () => {
  const blocks = (egress: 'public-ip' | 'nat') =>
    Object.fromEntries(
      resourcesOf(templateOf({ network: { egress } }), 'AWS::EC2::Subnet').map(({ Properties }) => [
        Properties.Tags.find(({ Key }: { Key: string }) => Key === 'Name').Value,
        Properties.CidrBlock,
      ]),
    );
  expect(blocks('nat')).toMatchObject(blocks('public-ip'));
});
