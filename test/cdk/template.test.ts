import { describe, expect, it } from 'vitest';
import type { FrontTcpProps } from '../../lib/front-tcp.ts';
import { CERTIFICATE, type TemplateJson, templateOf, UPSTASH_SECRET } from './support/synthesis.ts';

const deployments: readonly (readonly [string, FrontTcpProps])[] = [
  ['valkey', {}],
  ['upstash', { redis: { kind: 'upstash', secretArn: UPSTASH_SECRET } }],
  ['serverless', { redis: { kind: 'serverless' }, tls: { kind: 'load-balancer', certificateArn: CERTIFICATE } }],
  ['memorydb', { redis: { kind: 'memorydb' }, network: { egress: 'nat' } }],
];

/** Which resources each one waits for. */
function dependencies(template: TemplateJson): Map<string, Set<string>> {
  return new Map(
    Object.entries(template.Resources).map(([id, resource]) => {
      const text = JSON.stringify({ ...resource, Metadata: undefined });
      const names = [
        ...[...text.matchAll(/"Ref":"(\w+)"/g)].map((match) => match[1]),
        ...[...text.matchAll(/"Fn::GetAtt":\["(\w+)"/g)].map((match) => match[1]),
        ...(resource.DependsOn ?? []),
      ];
      return [id, new Set(names.filter((name) => name !== undefined && name in template.Resources) as string[])];
    }),
  );
}

/** A ring of resources each of which waits for the next, or undefined. */
function cycle(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const done = new Set<string>();
  const visit = (id: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(id)) return [...path.slice(path.indexOf(id)), id];
    if (done.has(id)) return undefined;
    for (const next of graph.get(id) ?? []) {
      const found = visit(next, [...path, id]);
      if (found) return found;
    }
    done.add(id);
    return undefined;
  };
  for (const id of graph.keys()) {
    const found = visit(id, []);
    if (found) return found;
  }
  return undefined;
}

describe.each(deployments)('the template with %s', (_, props) => {
  it('has no ring of resources that wait for each other', () => {
    expect(cycle(dependencies(templateOf(props)))).toBeUndefined();
  });

  it('is no more than half of what CloudFormation takes at most', () => {
    const template = templateOf(props);
    // Of 500.
    expect(Object.keys(template.Resources).length).toBeLessThan(250);
    expect(Buffer.byteLength(JSON.stringify(template))).toBeLessThan(700_000);
  });
});

it('a ring would be found', () => {
  const ring = structuredClone(templateOf());
  const service = Object.values(ring.Resources).find((one) => one.Type === 'AWS::ECS::Service');
  const serviceId = Object.entries(ring.Resources).find(([, one]) => one === service)?.[0];
  for (const one of Object.values(ring.Resources)) {
    if (one.Type === 'AWS::CloudWatch::Alarm') one.DependsOn = [serviceId ?? ''];
  }
  expect(cycle(dependencies(ring))).toContain(serviceId);
});
