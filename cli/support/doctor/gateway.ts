import { connect } from '../../../sdk/client/connect.ts';
import { TokenRefusedError } from '../../../sdk/client/errors.ts';
import type { GatewayAddress } from '../gateway.ts';
import { isLoopback } from '../local-system.ts';
import { certificateCheck } from './certificate.ts';
import { type Area, type Check, fail, ok, warn } from './check.ts';

const TIMEOUT_MS = 5_000;

export async function gatewayArea({ host, port, tls }: GatewayAddress): Promise<Area> {
  const checks = [await protocolCheck({ host, port, tls })];
  if (tls) checks.push(await certificateCheck('TLS', host, port));
  else if (isLoopback(host)) checks.push(ok('TLS', 'not needed on this machine'));
  else checks.push(warn('TLS', 'none: tokens can be read on the way', 'See docs/security.md; then --tls at login.'));
  return { title: `Gateway at ${host}:${port}`, checks };
}

/** An invalid token is refused: that proves that a gateway and its Redis respond. */
async function protocolCheck({ host, port, tls }: GatewayAddress): Promise<Check> {
  const startedAt = performance.now();
  try {
    const options = {
      features: [],
      reconnect: false,
      connectTimeoutMs: TIMEOUT_MS,
      verifyTimeoutMs: TIMEOUT_MS,
    } as const;
    // The TLS check reports an untrusted certificate.
    const security = tls ? { rejectUnauthorized: false } : false;
    const client = await connect({ host, port, tls: security, phoneNumber: 'doctor', token: 'none', ...options });
    await client.close();
  } catch (error) {
    if (!(error instanceof TokenRefusedError)) {
      const mend = 'Is a gateway running there? Name another with --host, --port and --tls.';
      return fail('protocol', (error as Error).message, mend);
    }
  }
  return ok('protocol', `answers in ${Math.round(performance.now() - startedAt)} ms`);
}
