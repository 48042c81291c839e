import type { Settings } from '../../lib/settings.ts';
import type { TestName } from './tests.ts';

interface AccountStack {
  /** Why this store or these options want a deployment of their own. */
  readonly what: string;
  readonly settings: Settings;
  /** In this order: later ones end what earlier ones need. */
  readonly tests: readonly TestName[];
}

/** The deployments that are tried in an account: small, with nothing that outlives them. */
export const accountStacks = {
  valkey: {
    what: 'the default store, durable Valkey, with two gateways',
    settings: {},
    tests: ['firstMessage', 'accessList', 'propagation', 'sigterm', 'rotation'],
  },
  serverless: {
    what: 'ElastiCache Serverless, PROXY protocol, gateways that a linear deployment replaces',
    settings: {
      redis: { kind: 'serverless' },
      gateway: { clientAddress: 'proxy-v2', deployment: { kind: 'linear', percent: 50, bakeMinutes: 1 } },
    },
    tests: ['firstMessage', 'accessList', 'sigterm', 'rotation'],
  },
  memorydb: {
    what: 'MemoryDB, gateways in private subnets',
    settings: { redis: { kind: 'memorydb' }, network: { egress: 'nat' } },
    tests: ['firstMessage', 'accessList', 'propagation'],
  },
} as const satisfies Readonly<Record<string, AccountStack>>;

export type StackKind = keyof typeof accountStacks;

/** What is deployed: it goes with its data, and its tag names the run that made it. */
export function settingsOf(kind: StackKind, stackName: string, region: string): Settings {
  const { settings } = accountStacks[kind];
  return {
    ...settings,
    stackName,
    region,
    dataPolicy: 'destroy',
    logRetentionDays: 1,
    tags: { purpose: 'account-test' },
  };
}
