import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Environment } from '../environment.ts';
import type { SecretReader } from '../secrets.ts';
import type { Patience } from './failures.ts';
import { connectRedis as connectIoredis } from './ioredis.ts';
import { connectRedis as connectUpstash } from './upstash.ts';

/** Upstash where its address and token are set, else REDIS_URL. A bundle for deployment holds only one of the two. */
export function connectRedis(
  environment: Environment,
  secret: SecretReader | undefined,
  patience?: Patience,
): RedisPort {
  const isUpstash = environment.UPSTASH_REDIS_REST_URL !== undefined || secret?.current.upstash !== undefined;
  return (isUpstash ? connectUpstash : connectIoredis)(environment, secret, patience);
}
