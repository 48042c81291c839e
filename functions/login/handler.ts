import { readBody } from '../http/body.ts';
import { type Handler, type Rule, serve } from '../http/serve.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { HashingQueue } from './hashing-queue.ts';
import { LoginLimits } from './limits.ts';
import { createLogIn } from './log-in.ts';
import { loginRequest } from './schema.ts';

/** Far larger than any real login, small enough to parse for anonymous callers. */
const MAX_LOGIN_BYTES = 16_384;

export function createHandler(runtime: Runtime): Handler {
  const { environment, redis, keys, clock } = runtime;
  const limits = new LoginLimits(redis, keys, environment.MAX_LOGIN_FAILURES_PER_ADDRESS);
  const hashing = new HashingQueue(environment.MAX_CONCURRENT_HASHES, environment.MAX_WAITING_HASHES);
  const logIn = createLogIn({ redis, keys, clock, limits, hashing, tokenTtlSeconds: environment.TOKEN_TTL_S });

  const login: Rule = async (request) => {
    const credentials = readBody(request.event, MAX_LOGIN_BYTES, loginRequest.safeParse);
    const { token, expiresAt } = await logIn(credentials.phone_number, credentials.password, request.sourceIp);
    request.logFields.user = credentials.phone_number;
    return { token, expires_at: expiresAt };
  };
  return serve(runtime.log, { 'POST /login': login, 'POST /api/v1100/login': login });
}

export const handler = lambdaEntry(createHandler);
