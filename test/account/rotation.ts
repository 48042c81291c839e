import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { aws, type DeployedStack, outputOf } from '../../cli/support/aws.ts';
import { connectRelay } from '../../cli/support/relay.ts';

interface Pace {
  readonly pollMs: number;
  /** The secrets extension keeps a value for as long. */
  readonly takenOverMs: number;
}

const inAnAccount: Pace = { pollMs: 5_000, takenOverMs: 5 * 60_000 };

const secretValue = z.object({ SecretString: z.string() });
const credentials = z.object({ username: z.string(), password: z.string() });
const users = z.object({ Users: z.array(z.object({ UserId: z.string(), UserName: z.string(), Status: z.string() })) });

/**
 * Gives the user of an ElastiCache store a new password as docs/deploy.md does it, and takes the old one away at once: a warm
 * function must read its secret again, and serve, within the time that the secrets extension keeps a value.
 */
export async function rotation(stack: DeployedStack, pace: Pace = inAnAccount): Promise<string> {
  const { region } = stack;
  const arn = outputOf(stack, 'StoreSecretArn');
  const { SecretString } = await aws(secretValue, ['secretsmanager', 'get-secret-value', '--secret-id', arn], region);
  const { username, password } = credentials.parse(JSON.parse(SecretString));
  const { Users } = await aws(users, ['elasticache', 'describe-users'], region);
  const user = Users.find(({ UserName }) => UserName === username);
  if (user === undefined) throw new Error(`ElastiCache has no user ${username}`);
  const relay = await connectRelay(outputOf(stack, 'RelayFunction'), region);
  await relay.redis.command('PING');

  const next = randomBytes(32).toString('hex');
  const modify = async (...passwords: string[]): Promise<void> => {
    await aws(
      z.unknown(),
      ['elasticache', 'modify-user', '--user-id', user.UserId, '--passwords', ...passwords],
      region,
    );
    for (;;) {
      const args = ['elasticache', 'describe-users', '--user-id', user.UserId];
      if ((await aws(users, args, region)).Users[0]?.Status === 'active') return;
      await delay(pace.pollMs);
    }
  };
  await modify(password, next);
  const value = JSON.stringify({ username, password: next });
  await aws(z.unknown(), ['secretsmanager', 'put-secret-value', '--secret-id', arn, '--secret-string', value], region);
  await modify(next);

  const startedAtMs = performance.now();
  for (;;) {
    const error = await relay.redis.command('PING').then(
      () => undefined,
      (failure: unknown) => failure,
    );
    const passedMs = performance.now() - startedAtMs;
    if (error === undefined) {
      await relay.redis.close();
      return `a warm function served again after ${Math.round(passedMs / 1000)} s; start new gateways now`;
    }
    if (passedMs > pace.takenOverMs) throw error;
    await delay(pace.pollMs);
  }
}
