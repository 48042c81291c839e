import { createContext, runInContext } from 'node:vm';
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import type { FrontTcpProps } from '../../lib/front-tcp.ts';
import { FrontTcpStack } from '../../lib/front-tcp-stack.ts';
import { VIEWER_FUNCTION } from '../../lib/http/firewall.ts';
import { parseSettings } from '../../lib/settings.ts';
import { checkDecisions } from './support/decisions.ts';
import {
  artifacts,
  CERTIFICATE,
  newApp,
  newFrontTcp,
  newStack,
  resourceOf,
  resourcesOf,
  type TemplateJson,
  WEB_ACL,
} from './support/synthesis.ts';

const DISTRIBUTION = 'AWS::CloudFront::Distribution';
const ROUTE = 'AWS::ApiGatewayV2::Route';
const AUTHORIZER = 'AWS::ApiGatewayV2::Authorizer';
const EDGE_POLICY = {
  cachingDisabled: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
  allButHost: 'b689b0a8-53d0-40ab-baf2-68738e2966ac',
};

const domain = { name: 'devices.example.com', hostedZoneId: 'Z0123456789ABCDEFGHIJ' } as const;
const props = { api: { firewall: { webAclArn: WEB_ACL } } } as const;
const config = (t: TemplateJson) => resourceOf(t, DISTRIBUTION).Properties.DistributionConfig;
const functionOf = (t: TemplateJson, description: string) =>
  resourcesOf(t, 'AWS::Lambda::Function').find((one) => one.Properties.Description === description)?.Properties;

describe('a firewall in front of the API', () => {
  checkDecisions([
    {
      name: 'is a distribution with the web ACL that was named, over HTTPS, without a cache',
      props,
      holds: (t) => {
        expect(config(t).WebACLId).toBe(WEB_ACL);
        expect(config(t).DefaultCacheBehavior).toMatchObject({
          ViewerProtocolPolicy: 'https-only',
          AllowedMethods: expect.arrayContaining(['POST', 'PUT', 'DELETE', 'OPTIONS']),
          CachePolicyId: EDGE_POLICY.cachingDisabled,
          Compress: false,
        });
      },
      undo: (t) => {
        config(t).WebACLId = undefined;
      },
    },
    {
      name: 'passes on what clients send, Authorization too, but the Host, by which API Gateway knows itself',
      props,
      holds: (t) => expect(config(t).DefaultCacheBehavior.OriginRequestPolicyId).toBe(EDGE_POLICY.allButHost),
      undo: (t) => {
        config(t).DefaultCacheBehavior.OriginRequestPolicyId = '216adef6-5c7f-47e4-b989-5492eafa07d3';
      },
    },
    {
      name: 'shows the API a secret, and waits for longer than the API does',
      props,
      holds: (t) => {
        const [origin] = config(t).Origins;
        expect(JSON.stringify(origin.DomainName)).toMatch(/Ref":"FrontTcpHttpApi\w+"\},"\.execute-api\.us-east-1\./);
        const [header] = origin.OriginCustomHeaders;
        expect(header.HeaderName).toBe('x-fronttcp-origin');
        expect(JSON.stringify(header.HeaderValue)).toMatch(
          /\{\{resolve:secretsmanager:.*FirewallSecret.*:SecretString:::\}\}/,
        );
        expect(origin.CustomOriginConfig).toMatchObject({
          OriginProtocolPolicy: 'https-only',
          OriginSSLProtocols: ['TLSv1.2'],
          OriginReadTimeout: 35,
        });
      },
      undo: (t) => {
        config(t).Origins[0].OriginCustomHeaders = [];
      },
    },
    {
      name: 'cannot be passed by: every route, the fallback among them, asks for that secret',
      props,
      holds: (t) => {
        const [id] = Object.entries(t.Resources).find(([, one]) => one.Type === AUTHORIZER) ?? [''];
        const routes = resourcesOf(t, ROUTE);
        expect(routes.length).toBeGreaterThan(30);
        expect(routes.some(({ Properties }) => Properties.RouteKey === '$default')).toBe(true);
        for (const { Properties } of routes) {
          expect(Properties, Properties.RouteKey).toMatchObject({
            AuthorizationType: 'CUSTOM',
            AuthorizerId: { Ref: id },
          });
        }
        expect(resourceOf(t, AUTHORIZER).Properties).toMatchObject({
          AuthorizerType: 'REQUEST',
          IdentitySource: ['$request.header.x-fronttcp-origin'],
          EnableSimpleResponses: true,
          AuthorizerPayloadFormatVersion: '2.0',
          AuthorizerResultTtlInSeconds: 300,
        });
      },
      undo: (t) => {
        const fallback = resourcesOf(t, ROUTE).find(({ Properties }) => Properties.RouteKey === '$default');
        if (fallback) fallback.Properties.AuthorizationType = 'NONE';
      },
    },
    {
      name: 'has its check read that secret alone, outside of the VPC, and API Gateway may ask it',
      props,
      holds: (t) => {
        const check = functionOf(t, 'fronttcp origin-check');
        expect(Object.keys(check?.Environment.Variables)).not.toContain('REDIS_SECRET_ARN');
        expect(JSON.stringify(check?.Environment.Variables.ORIGIN_SECRET_ARN)).toContain('FirewallSecret');
        expect(check).not.toHaveProperty('VpcConfig');
        expect(check?.Layers).toHaveLength(1);
        const role = resourcesOf(t, 'AWS::IAM::Role').find((one) => JSON.stringify(one).includes('FirewallSecret'));
        expect(JSON.stringify(role)).not.toContain('StoreSecret');
        const asked = resourcesOf(t, 'AWS::Lambda::Permission').map((one) => JSON.stringify(one.Properties));
        expect(asked.some((one) => one.includes('/authorizers/') && one.includes('OriginCheckLive'))).toBe(true);
      },
      undo: (t) => {
        const check = functionOf(t, 'fronttcp origin-check');
        if (check) check.Environment.Variables.REDIS_SECRET_ARN = 'x';
      },
    },
    {
      name: "tells the functions the viewer's address",
      props,
      holds: (t) => {
        for (const name of ['login', 'console']) {
          const { Variables } = functionOf(t, `fronttcp ${name}`)?.Environment ?? {};
          expect(Variables.VIEWER_ADDRESS_HEADER, name).toBe('x-fronttcp-viewer');
        }
        expect(config(t).DefaultCacheBehavior.FunctionAssociations).toEqual([
          { EventType: 'viewer-request', FunctionARN: expect.anything() },
        ]);
        expect(resourceOf(t, 'AWS::CloudFront::Function').Properties).toMatchObject({
          AutoPublish: true,
          FunctionCode: VIEWER_FUNCTION,
          FunctionConfig: { Runtime: 'cloudfront-js-2.0' },
        });
      },
      undo: (t) => {
        config(t).DefaultCacheBehavior.FunctionAssociations = [];
      },
    },
    {
      name: 'has the name of the domain, with its certificate, in both address families',
      props: { ...props, domain },
      holds: (t) => {
        expect(config(t).Aliases).toEqual(['api.devices.example.com']);
        expect(config(t).ViewerCertificate).toMatchObject({ MinimumProtocolVersion: 'TLSv1.2_2021' });
        expect(JSON.stringify(config(t).ViewerCertificate.AcmCertificateArn)).toContain('DomainCertificate');
        const names = resourcesOf(t, 'AWS::Route53::RecordSet').filter((one) => one.Properties.Name.startsWith('api.'));
        expect(names.map((one) => one.Properties.Type).sort()).toEqual(['A', 'AAAA']);
        for (const one of names) expect(JSON.stringify(one.Properties.AliasTarget)).toContain('Distribution');
        // It would be a way past the web ACL under our own name.
        expect(resourcesOf(t, 'AWS::ApiGatewayV2::DomainName')).toEqual([]);
      },
      undo: (t) => {
        config(t).Aliases = [];
      },
    },
    {
      name: 'is not there unless it was asked for',
      holds: (t) => {
        for (const type of [DISTRIBUTION, AUTHORIZER, 'AWS::CloudFront::Function'])
          expect(resourcesOf(t, type)).toEqual([]);
        expect(functionOf(t, 'fronttcp login')?.Environment.Variables).not.toHaveProperty('VIEWER_ADDRESS_HEADER');
      },
      undo: (t) => {
        t.Resources.Front = { Type: DISTRIBUTION, Properties: {} };
      },
    },
  ]);
});

it('the function at the edge overwrites what a client sends as its address', () => {
  const context = createContext({});
  runInContext(VIEWER_FUNCTION, context);
  const headers = { 'x-fronttcp-viewer': { value: '198.51.100.1' }, accept: { value: '*/*' } };
  context.event = { request: { method: 'GET', headers }, viewer: { ip: '2001:db8::7' } };
  expect(JSON.parse(JSON.stringify(runInContext('handler(event)', context)))).toEqual({
    method: 'GET',
    headers: { 'x-fronttcp-viewer': { value: '2001:db8::7' }, accept: { value: '*/*' } },
  });
});

describe('the URLs of a stack lead to the firewall', () => {
  const outputs = (settings: object): Record<string, { Value: unknown }> => {
    const stack = new FrontTcpStack(newApp(), parseSettings({ artifacts, ...props, ...settings }, 'settings.json'));
    return (Template.fromStack(stack).toJSON() as { Outputs: Record<string, { Value: unknown }> }).Outputs;
  };

  it.each(['ApiUrl', 'ConsoleUrl'])('%s', (name) => {
    const value = JSON.stringify(outputs({})[name]?.Value);
    expect(value).toMatch(/"https:\/\/",\{"Fn::GetAtt":\["FrontTcpHttpApiFirewallDistribution\w+","DomainName"\]\}/);
    expect(value).not.toContain('execute-api');
    expect(outputs({ domain })[name]?.Value).toMatch(/^https:\/\/api\.devices\.example\.com/);
  });
});

const REGIONAL = WEB_ACL.replace('global/', 'regional/');
const IN_EUROPE = WEB_ACL.replace('us-east-1', 'eu-west-1');
interface Wrong {
  readonly name: string;
  readonly props: FrontTcpProps;
  readonly sentence: RegExp;
  /** Default: us-east-1. */
  readonly region?: string;
}
const rows: readonly (readonly [string, FrontTcpProps, RegExp, string?])[] = [
  [
    'no ARN',
    { api: { firewall: { webAclArn: 'fleet' } } },
    /api\.firewall\.webAclArn is "fleet": give the ARN of a web ACL/,
  ],
  ['a web ACL of a region', { api: { firewall: { webAclArn: REGIONAL } } }, /with the scope CLOUDFRONT/],
  ['a web ACL of another region', { api: { firewall: { webAclArn: IN_EUROPE } } }, /which is made in us-east-1/],
  [
    'the ARN of something else',
    { api: { firewall: { webAclArn: CERTIFICATE } } },
    /webAclArn is ".*certificate.*": give the ARN of a web ACL/,
  ],
  [
    'a certificate of another region',
    {
      domain,
      api: { firewall: { webAclArn: WEB_ACL, certificateArn: CERTIFICATE.replace('us-east-1', 'eu-west-1') } },
    },
    /api\.firewall\.certificateArn is of eu-west-1: CloudFront takes it from us-east-1 only/,
  ],
  [
    'a certificate without a name',
    { api: { firewall: { webAclArn: WEB_ACL, certificateArn: CERTIFICATE } } },
    /certificateArn is for the name of a domain, and there is none/,
  ],
  [
    'a name in another region without a certificate',
    { domain, ...props },
    /needs a certificateArn for api\.devices\.example\.com: CloudFront takes certificates from us-east-1 only, and this stack is in eu-west-1/,
    'eu-west-1',
  ],
  [
    'a variable beside it',
    { api: { environment: { VIEWER_ADDRESS_HEADER: 'x' } } },
    /set the prop api\.firewall instead/,
  ],
];

const wrong = rows.map(([name, props, sentence, region = 'us-east-1']): Wrong => ({ name, props, sentence, region }));

describe('a wrong firewall is refused', () => {
  it.each(wrong)('by the constructs: $name', ({ props: given, sentence, region }) => {
    expect(() => newFrontTcp(given, newStack(region))).toThrow(sentence);
  });
  it.each(wrong)('from a settings file: $name', ({ props: given, sentence, region }) => {
    const settings = { ...given, artifacts, region };
    expect(() => new FrontTcpStack(newApp(), parseSettings(settings, 'settings.json'))).toThrow(sentence);
  });
  it('from a settings file: a member that it does not have', () => {
    const given = { api: { firewall: { webAcl: WEB_ACL } } };
    expect(() => parseSettings(given, 'settings.json')).toThrow(/webAcl[\s\S]*at api\.firewall/);
  });
});

it('a stack with a firewall has no warning: `cdk synth --strict` would stop at it', () => {
  for (const given of [props, { ...props, domain }]) {
    const warnings = Annotations.fromStack(Stack.of(newFrontTcp(given))).findWarning('*', Match.anyValue());
    expect(warnings.map(({ entry }) => entry.data)).toEqual([]);
  }
});

it('a stack in another region has the certificate that was named', () => {
  const firewall = { webAclArn: WEB_ACL, certificateArn: CERTIFICATE };
  const made = newFrontTcp({ domain, api: { firewall } }, newStack('eu-west-1'));
  const template = Template.fromStack(Stack.of(made)).toJSON() as TemplateJson;
  expect(config(template).ViewerCertificate.AcmCertificateArn).toBe(CERTIFICATE);
});
