import { Token } from 'aws-cdk-lib';
import { functionVariables, readEnvironment } from '../../functions/runtime/environment.ts';
import { gatewayVariables, parseConfig } from '../../gateway/config.ts';
import { EnvironmentError } from '../../shared/settings.ts';
import { Env } from '../runtime-environment.ts';

/**
 * Variables that a prop decides, with that prop. If both were set they could differ, and the checks of the prop (times
 * that must fit into each other, ports that a security group opens) would not hold at run time.
 */
const DECIDED: Readonly<Record<string, string>> = {
  [Env.redisUrl]: 'redis',
  [Env.redisCluster]: 'redis',
  [Env.redisKeyPrefix]: 'redis.keyPrefix',
  [Env.redisUsername]: 'redis',
  [Env.redisPassword]: 'redis',
  [Env.redisPasswordFile]: 'redis',
  [Env.redisSecretArn]: 'redis',
  [Env.viewerAddressHeader]: 'api.firewall',
  [Env.gatewayPort]: 'gateway.port',
  [Env.healthPort]: 'gateway.healthPort',
  [Env.heartbeatTimeoutMs]: 'timings.heartbeatTimeoutSeconds',
  [Env.authTimeoutMs]: 'timings.authTimeoutSeconds',
  [Env.drainTimeoutMs]: 'timings.drainTimeoutSeconds',
  [Env.drainAcceptMs]: 'timings.drainTimeoutSeconds',
  [Env.proxyProtocol]: 'gateway.clientAddress',
  [Env.tlsSecretArn]: 'tls',
  [Env.tlsClientCertificates]: 'tls.clientCertificates',
  [Env.taskProtection]: 'gateway.taskProtection',
  [Env.upstreamFunction]: 'upstream.alias',
  [Env.upstreamEvents]: 'upstream.events',
  [Env.upstreamRequests]: 'upstream.requests',
  [Env.upstreamLifecycleFunction]: 'upstream.lifecycle',
};

/** Both sides check, route and store messages: with two values the same message is treated in two ways. */
const SHARED = ['OFFLINE_TTL_S', 'MAILBOX_MAX', 'MAILBOX_MAX_BYTES', 'MAX_RECIPIENTS', 'MAX_FRAME_BYTES'] as const;

type Environment = Readonly<Record<string, string>>;

/** Read by Node, its libraries and the AWS SDK themselves. */
const OF_THE_PLATFORM = /^(NODE_|AWS_|TZ$)/;

/** Validated with each side's own reader of settings: a mistake that would stop the first task stops the synthesis instead. */
const READERS = {
  'gateway.environment': {
    known: gatewayVariables,
    read: (environment: Environment): unknown => parseConfig({ ...REACHABLE, ...environment }),
  },
  'api.environment': {
    known: functionVariables,
    read: (environment: Environment): unknown => readEnvironment({ ...REACHABLE, ...environment }),
  },
} as const;

/** Variables that the constructs themselves add, and the readers require. */
const REACHABLE = { [Env.redisUrl]: 'rediss://store.example.com' };

function mistakesOf(side: keyof typeof READERS, environment: Environment): string[] {
  const { known, read } = READERS[side];
  const names = Object.keys(environment).filter(
    (name) => DECIDED[name] === undefined && name !== Env.metricsDeployment,
  );
  const unknown = names.filter((name) => !known.includes(name) && !OF_THE_PLATFORM.test(name));
  const values = names.flatMap((name) => {
    const value = environment[name] ?? '';
    return known.includes(name) && !Token.isUnresolved(value) ? [[name, value] as const] : [];
  });
  return [
    ...unknown.map((name) => `${side} has ${name}, which nothing reads${nearest(name, known)}.`),
    ...mistakes(() => read(Object.fromEntries(values))).map((mistake) => `${side}: ${mistake}.`),
  ];
}

function mistakes(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    return [...error.mistakes];
  }
}

/** A name that differs by an ending, or by a letter or two. */
function nearest(name: string, known: readonly string[]): string {
  const found = known.find((one) => one.startsWith(name) || name.startsWith(one) || distance(one, name) <= 2);
  return found === undefined ? '' : `: is it ${found}`;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The mistakes in the further settings of the two sides, a sentence each. */
export function environmentProblems(gateway: Environment, api: Environment): string[] {
  const sides = { 'gateway.environment': gateway, 'api.environment': api };
  const decided = Object.entries(sides).flatMap(([side, environment]) =>
    Object.keys(environment).flatMap((name) => {
      if (name === Env.metricsDeployment)
        return [`${side} has ${name}: alarms and scaling look for the construct's own.`];
      const prop = DECIDED[name];
      return prop === undefined ? [] : [`${side} has ${name}: set the prop ${prop} instead.`];
    }),
  );
  const pretty = Object.entries(sides).flatMap(([side, environment]) =>
    environment[Env.logFormat] === 'pretty'
      ? [`${side} has ${Env.logFormat} pretty: that is for a terminal, and alarms and queries read JSON.`]
      : [],
  );
  const unequal = SHARED.filter((name) => gateway[name] !== api[name]).map(
    (name) =>
      `${name} is ${gateway[name] ?? 'left out'} for the gateways and ${api[name] ?? 'left out'} for the functions: both route messages, so give both the same.`,
  );
  return [
    ...decided,
    ...pretty,
    ...unequal,
    ...mistakesOf('gateway.environment', gateway),
    ...mistakesOf('api.environment', api),
  ];
}
