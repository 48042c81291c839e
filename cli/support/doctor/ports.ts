import { createServer } from 'node:net';
import { z } from 'zod';
import { type Area, type Check, ok, warn } from './check.ts';

const TIMEOUT_MS = 2_000;

/** The ports that `fronttcp dev` would take. `ownPorts`: where the API and the gateways of the `dev` of this folder listen. */
export async function portsArea(env: NodeJS.ProcessEnv, ownPorts: readonly number[] = []): Promise<Area> {
  const ports = [
    ['API_PORT', '--api-port', Number(env.API_PORT || 3_000), isApi],
    ['GATEWAY_PORT', '--gateway-port', Number(env.GATEWAY_PORT || 8_124), undefined],
    ['HEALTH_PORT', '--health-port', Number(env.HEALTH_PORT || 8_125), isHealth],
  ] as const;
  const checks = ports.map(async ([variable, flag, port, isOurs]): Promise<Check> => {
    const name = `${port} (${variable})`;
    if (await isFree(port)) return ok(name, 'free');
    if (ownPorts.includes(port) || (await isOurs?.(port))) return ok(name, 'fronttcp runs there');
    return warn(name, 'taken', `If this is not fronttcp, use another port: fronttcp dev ${flag} ${port + 100}`);
  });
  return { title: 'Ports of fronttcp dev', checks: await Promise.all(checks) };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

const document = z.object({ info: z.object({ title: z.literal('fronttcp') }) });

const isApi = (port: number): Promise<boolean> =>
  answers(port, '/openapi.json', async (response) => document.safeParse(await response.json()).success);

const isHealth = (port: number): Promise<boolean> =>
  answers(port, '/metrics', async (response) => /^fronttcp_/m.test(await response.text()));

async function answers(
  port: number,
  path: string,
  isRight: (response: Response) => Promise<boolean>,
): Promise<boolean> {
  try {
    return await isRight(await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(TIMEOUT_MS) }));
  } catch {
    return false;
  }
}
