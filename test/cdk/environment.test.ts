import { describe, expect, it } from 'vitest';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { parseConfig } from '../../gateway/config.ts';
import type { FrontTcpProps } from '../../lib/front-tcp.ts';
import { resourceOf, resourcesOf, type TemplateJson, templateOf, UPSTASH_SECRET } from './support/synthesis.ts';

const REFERENCES: Readonly<Record<string, string>> = {
  REDIS_URL: 'rediss://store.example.com:6379',
  REDIS_SECRET_ARN: UPSTASH_SECRET,
};
/** Features that the deployment sets and the gateway does not have yet. A feature that the gateway gets must leave this list. */
const AWAITED = new Set<string>();
/** Read by Node, not by us. */
const NODE_OWN = new Set(['NODE_ENV', 'NODE_OPTIONS']);

const everyOption: FrontTcpProps = {
  tls: { kind: 'gateway', secretArn: UPSTASH_SECRET },
  gateway: { taskProtection: true },
};

const stores: readonly (readonly [name: string, props: FrontTcpProps])[] = [
  ['valkey', {}],
  ['serverless', { redis: { kind: 'serverless' } }],
  ['memorydb', { redis: { kind: 'memorydb' } }],
  ['upstash', { redis: { kind: 'upstash', secretArn: UPSTASH_SECRET } }],
  ['every option', everyOption],
  ['PROXY protocol', { gateway: { clientAddress: 'proxy-v2' } }],
];

function containerEnvironment(template: TemplateJson): Record<string, string> {
  const [container] = resourceOf(template, 'AWS::ECS::TaskDefinition').Properties.ContainerDefinitions;
  const plain = container.Environment.map((one: { Name: string; Value: unknown }) => [
    one.Name,
    text(one.Name, one.Value),
  ]);
  const secret = container.Secrets.map((one: { Name: string }) => [
    one.Name,
    REFERENCES[one.Name] ?? 'from-the-secret',
  ]);
  // ECS itself sets this in every task.
  return Object.fromEntries([...plain, ...secret, ['ECS_AGENT_URI', 'http://169.254.170.2/api/task']]);
}

/** What CloudFormation would have put in place of a reference. */
function text(name: string, value: unknown): string {
  return typeof value === 'string' ? value : (REFERENCES[name] ?? `no value for ${name}`);
}

/** A name is read when another value of it changes what comes out, or is refused. */
function namesRead(environment: Record<string, string>, read: (env: Record<string, string>) => unknown): Set<string> {
  const known = new Set<string>();
  for (const name of Object.keys(environment)) {
    const mangled = { ...environment, [name]: '\u0000 not a value of anything' };
    const before = JSON.stringify(read(environment));
    try {
      if (JSON.stringify(read(mangled)) !== before) known.add(name);
    } catch {
      known.add(name);
    }
  }
  return known;
}

it('names exactly the features that the gateway does not have', () => {
  const environment = containerEnvironment(templateOf(everyOption));
  const read = namesRead(environment, parseConfig);
  expect([...AWAITED].filter((name) => name in environment && !read.has(name))).toEqual([...AWAITED]);
});

describe.each(stores)('with %s', (_, props) => {
  it('the gateway accepts every variable that the deployment sets', () => {
    const environment = containerEnvironment(templateOf(props));
    const own = Object.fromEntries(Object.entries(environment).filter(([name]) => !NODE_OWN.has(name)));
    expect(() => parseConfig(own)).not.toThrow();
    const unread = Object.keys(own).filter((name) => !namesRead(own, parseConfig).has(name));
    expect(unread.filter((name) => !AWAITED.has(name))).toEqual([]);
  });

  it('the functions accept every variable that the deployment sets', () => {
    for (const one of resourcesOf(templateOf(props), 'AWS::Lambda::Function')) {
      const variables: Record<string, unknown> = one.Properties.Environment?.Variables ?? {};
      if (!('REDIS_SECRET_ARN' in variables)) continue;
      const own = Object.fromEntries(
        Object.entries(variables)
          .filter(
            ([name]) =>
              !NODE_OWN.has(name) && !/^(PARAMETERS_SECRETS_EXTENSION|SECRETS_MANAGER|SSM_PARAMETER_STORE)_/.test(name),
          )
          .map(([name, value]) => [name, text(name, value)]),
      );
      expect(() => readEnvironment(own)).not.toThrow();
      expect([...namesRead(own, readEnvironment)].sort()).toEqual(Object.keys(own).sort());
    }
  });
});
