import { Env } from '../runtime-environment.ts';

/**
 * Variables that a prop decides, with that prop. Set beside it, one of the two would be a lie, and what is checked about the
 * prop (times that must fit into each other, ports that a security group opens) would not be true of what runs.
 */
const DECIDED: Readonly<Record<string, string>> = {
  [Env.redisUrl]: 'redis',
  [Env.redisCluster]: 'redis',
  [Env.redisKeyPrefix]: 'redis.keyPrefix',
  [Env.redisUsername]: 'redis',
  [Env.redisPassword]: 'redis',
  [Env.redisSecretArn]: 'redis',
  [Env.gatewayPort]: 'gateway.port',
  [Env.healthPort]: 'gateway.healthPort',
  [Env.heartbeatTimeoutMs]: 'timings.heartbeatTimeoutSeconds',
  [Env.authTimeoutMs]: 'timings.authTimeoutSeconds',
  [Env.drainTimeoutMs]: 'timings.drainTimeoutSeconds',
  [Env.proxyProtocol]: 'gateway.clientAddress',
  [Env.tlsSecretArn]: 'tls',
  [Env.taskProtection]: 'gateway.taskProtection',
  [Env.upstreamFunction]: 'upstream.alias',
  [Env.upstreamEvents]: 'upstream.events',
  [Env.upstreamRequests]: 'upstream.requests',
  [Env.upstreamLifecycleFunction]: 'upstream.lifecycle',
};

/** Both sides judge, route and store messages: with two values the same message has two fates. */
const SHARED = ['OFFLINE_TTL_S', 'MAILBOX_MAX', 'MAX_RECIPIENTS'] as const;

type Environment = Readonly<Record<string, string>>;

/** What is wrong with the further settings of the two sides, a sentence each. */
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
  const unequal = SHARED.filter((name) => gateway[name] !== api[name]).map(
    (name) =>
      `${name} is ${gateway[name] ?? 'left out'} for the gateways and ${api[name] ?? 'left out'} for the functions: both route messages, so give both the same.`,
  );
  return [...decided, ...unequal];
}
