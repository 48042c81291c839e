import { describe, expect, it } from 'vitest';
import { checkDecisions } from './support/decisions.ts';
import { resourceOf, resourcesOf, type TemplateJson, templateOf } from './support/synthesis.ts';

const GROUP = 'AWS::ElastiCache::ReplicationGroup';
const SECRET = 'AWS::SecretsManager::Secret';

/** Everything that describes a function or a container, as text. */
const runtimes = (t: TemplateJson) =>
  JSON.stringify([...resourcesOf(t, 'AWS::Lambda::Function'), ...resourcesOf(t, 'AWS::ECS::TaskDefinition')]);

describe('the default store', () => {
  checkDecisions([
    {
      name: 'has every acknowledged write in two zones',
      holds: (t) =>
        expect(resourceOf(t, GROUP).Properties).toMatchObject({
          Engine: 'valkey',
          EngineVersion: '9.0',
          ClusterMode: 'enabled',
          Durability: 'sync',
          MultiAZEnabled: true,
          AutomaticFailoverEnabled: true,
          ReplicasPerNodeGroup: 1,
          NumNodeGroups: 1,
        }),
      undo: (t) => {
        resourceOf(t, GROUP).Properties.Durability = 'disabled';
      },
    },
    {
      name: 'has a name of its own, so that no update replaces it by an empty one',
      holds: (t) => expect(resourceOf(t, GROUP).Properties.ReplicationGroupId).toMatch(/^[a-z][a-z0-9-]{1,39}$/),
      undo: (t) => {
        delete resourceOf(t, GROUP).Properties.ReplicationGroupId;
      },
    },
    {
      name: 'refuses rather than forgets when it is full',
      holds: (t) =>
        expect(resourceOf(t, 'AWS::ElastiCache::ParameterGroup').Properties.Properties).toMatchObject({
          'maxmemory-policy': 'noeviction',
        }),
      undo: (t) => {
        resourceOf(t, 'AWS::ElastiCache::ParameterGroup').Properties.Properties['maxmemory-policy'] = 'volatile-lru';
      },
    },
    {
      name: 'is encrypted on the way and at rest, for users with a password',
      holds: (t) => {
        expect(resourceOf(t, GROUP).Properties).toMatchObject({
          TransitEncryptionEnabled: true,
          TransitEncryptionMode: 'required',
          AtRestEncryptionEnabled: true,
        });
        expect(resourceOf(t, 'AWS::ElastiCache::User').Properties.AuthenticationMode.Type).toBe('password');
      },
      undo: (t) => {
        resourceOf(t, GROUP).Properties.TransitEncryptionMode = 'preferred';
      },
    },
    {
      name: 'leaves a snapshot behind, and its secret, whatever happens to the stack',
      holds: (t) => {
        expect(resourceOf(t, GROUP)).toMatchObject({ DeletionPolicy: 'Snapshot', UpdateReplacePolicy: 'Snapshot' });
        expect(resourceOf(t, SECRET)).toMatchObject({
          DeletionPolicy: 'RetainExceptOnCreate',
          UpdateReplacePolicy: 'Retain',
        });
      },
      undo: (t) => {
        resourceOf(t, GROUP).DeletionPolicy = 'Delete';
      },
    },
    {
      name: 'admits gateways and functions, and nobody else',
      holds: (t) => {
        const rules = resourcesOf(t, 'AWS::EC2::SecurityGroupIngress').filter(
          (rule) => rule.Properties.FromPort === 6379,
        );
        expect(rules.map((rule) => rule.Properties.Description).sort()).toEqual(['functions', 'gateways']);
        for (const rule of rules) expect(rule.Properties).toHaveProperty('SourceSecurityGroupId');
      },
      undo: (t) => {
        for (const rule of resourcesOf(t, 'AWS::EC2::SecurityGroupIngress')) {
          delete rule.Properties.SourceSecurityGroupId;
          rule.Properties.CidrIp = '10.0.0.0/8';
        }
      },
    },
    {
      name: 'shows its password neither in a function nor in a task definition',
      holds: (t) => {
        expect(runtimes(t)).not.toContain('resolve:secretsmanager');
        expect(runtimes(t)).not.toMatch(/rediss?:\/\/[^"]*@/);
      },
      undo: (t) => {
        const [one] = resourcesOf(t, 'AWS::Lambda::Function');
        if (one) one.Properties.Environment = { Variables: { REDIS_URL: 'rediss://app:secret@host:6379' } };
      },
    },
  ]);
});

describe('the other stores', () => {
  checkDecisions([
    {
      name: 'serverless: bounded, authenticated, and kept',
      props: { redis: { kind: 'serverless' } },
      holds: (t) => {
        const cache = resourceOf(t, 'AWS::ElastiCache::ServerlessCache');
        expect(cache.DeletionPolicy).toBe('RetainExceptOnCreate');
        expect(cache.Properties.CacheUsageLimits).toEqual({
          DataStorage: { Unit: 'GB', Maximum: 10 },
          ECPUPerSecond: { Maximum: 50_000 },
        });
        expect(cache.Properties.UserGroupId).toBeDefined();
      },
      undo: (t) => {
        delete resourceOf(t, 'AWS::ElastiCache::ServerlessCache').Properties.CacheUsageLimits;
      },
    },
    {
      name: 'memorydb: over TLS, evicts nothing, and kept',
      props: { redis: { kind: 'memorydb' } },
      holds: (t) => {
        const cluster = resourceOf(t, 'AWS::MemoryDB::Cluster');
        expect(cluster.DeletionPolicy).toBe('RetainExceptOnCreate');
        expect(cluster.Properties).toMatchObject({ TLSEnabled: true, NumShards: 1, NumReplicasPerShard: 1 });
        expect(resourceOf(t, 'AWS::MemoryDB::ParameterGroup').Properties.Parameters).toEqual({
          'maxmemory-policy': 'noeviction',
        });
      },
      undo: (t) => {
        resourceOf(t, 'AWS::MemoryDB::Cluster').DeletionPolicy = 'Delete';
      },
    },
    ...(
      [
        ['valkey', GROUP],
        ['serverless', 'AWS::ElastiCache::ServerlessCache'],
        ['memorydb', 'AWS::MemoryDB::Cluster'],
      ] as const
    ).map(([kind, type]) => ({
      name: `${kind}: has a snapshot of each of the last seven days, as docs/deploy.md says`,
      props: { redis: { kind } },
      holds: (t: TemplateJson) => expect(resourceOf(t, type).Properties.SnapshotRetentionLimit).toBe(7),
      undo: (t: TemplateJson) => {
        resourceOf(t, type).Properties.SnapshotRetentionLimit = 0;
      },
    })),
    {
      name: 'are deleted with the stack when the option asks for it',
      props: { redis: { kind: 'memorydb' }, dataPolicy: 'destroy' },
      holds: (t) => {
        const kept = Object.values(t.Resources).filter((one) => /Retain|Snapshot/.test(one.DeletionPolicy ?? ''));
        expect(kept).toEqual([]);
      },
      undo: (t) => {
        resourceOf(t, SECRET).DeletionPolicy = 'Retain';
      },
    },
  ]);

  it('names of fixed resources depend on nothing but the place in the stack', () => {
    const name = (t: TemplateJson) => resourceOf(t, 'AWS::MemoryDB::Cluster').Properties.ClusterName;
    const small = name(templateOf({ redis: { kind: 'memorydb' } }));
    const large = name(templateOf({ redis: { kind: 'memorydb', nodeType: 'db.r7g.large', replicas: 2 } }));
    expect(small).toBe(large);
    expect(small).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    expect(small.length).toBeLessThanOrEqual(40);
  });
});
