import { type DeployedStack, outputOf } from '../../cli/support/aws.ts';
import { connectRelay } from '../../cli/support/relay.ts';

/** The store's user on the store itself, not on a stand-in: its own keys and what scripts need, and nothing else. */
export async function accessList(stack: DeployedStack): Promise<string> {
  const { redis, keys } = await connectRelay(outputOf(stack, 'RelayFunction'), stack.region);
  try {
    const own = `${keys.prefix}of-the-account-test`;
    await redis.command('SET', own, '1', 'EX', 60);
    await redis.command('EVAL', "return redis.call('TIME')", 1, own);
    await redis.command('XADD', `${own}:stream`, '*', 'a', 'b');
    await redis.command('DEL', own, `${own}:stream`);
    for (const denied of [
      ['GET', 'of-another-deployment'],
      ['FLUSHALL'],
      ['CONFIG', 'GET', '*'],
      ['KEYS', '*'],
    ] as const) {
      const [name, ...args] = denied;
      const refused = await redis.command(name, ...args).then(
        () => false,
        (error: unknown) => String(error).includes('NOPERM'),
      );
      if (!refused) throw new Error(`${denied.join(' ')} was not refused with NOPERM`);
    }
  } finally {
    await redis.close();
  }
  return 'own keys only';
}
