import { createServer } from 'node:net';
import { z } from 'zod';
import { type Area, type Check, ok, warn } from './check.ts';

const TIMEOUT_MS = 2_000;

/** The ports that `fronttcp dev` would take. `ownPorts`: where gateways of the `dev` of this folder listen. */
export async function portsArea(env: NodeJS.ProcessEnv, ownPorts: readonly number[] = []): Promise<Area> {
  const ports = [
    ['API_PORT', '--api-port', Number(env.API_PORT || 3_000)],
    ['GATEWAY_PORT', '--gateway-port', Number(env.GATEWAY_PORT || 8_124)],
    ['HEALTH_PORT', '--health-port', Number(env.HEALTH_PORT || 8_125)],
  ] as const;
  const checks = ports.map(([variable, flag, port]) => portCheck(variable, flag, port, ownPorts.includes(port)));
  return { title: 'Ports of fronttcp dev', checks: await Promise.all(checks) };
}

async function portCheck(variable: string, flag: string, port: number, isOwn: boolean): Promise<Check> {
  const name = `${port} (${variable})`;
  if (await isFree(port)) return ok(name, 'free');
  if (isOwn) return ok(name, 'fronttcp runs there');
  if (variable === 'API_PORT' && (await isFronttcp(port))) return ok(name, 'fronttcp runs there');
  return warn(name, 'taken', `Unless it is fronttcp: fronttcp dev ${flag} ${port + 100}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

const document = z.object({ info: z.object({ title: z.literal('fronttcp') }) });

async function isFronttcp(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/openapi.json`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return document.safeParse(await response.json()).success;
  } catch {
    return false;
  }
}
