import { access, rename, writeFile } from 'node:fs/promises';
import { lastLines, run } from '../../local/redis/run.ts';
import type { Plan } from '../plan.ts';
import { has, startChild } from '../support/child.ts';
import { startOnFreePort } from '../support/on-free-port.ts';
import { cache, ensureCache } from '../support/paths.ts';
import type { Server } from './server.ts';

const VERSION = '6.9.1';
const MODULE = `github.com/centrifugal/centrifugo/v6@v${VERSION}`;
const program = `${cache}/centrifugo-${VERSION}`;
/** It is some hundred packages. */
const BUILD_TIMEOUT_MS = 15 * 60_000;

/** Built from its Go module where there is a Go toolchain; its JSON protocol over WebSocket. */
export const centrifugo: Server = {
  name: 'centrifugo',
  protocol: 'cf',
  note: 'GOMAXPROCS=1: one core, as the others; anonymous, no history',
  missing: (plan) => build(plan),
  version: () => Promise.resolve(VERSION),
  async start({ serverCpus: cpus, niceness }) {
    const file = `${await ensureCache()}/centrifugo.json`;
    const { port, pid, stop } = await startOnFreePort(async (port) => {
      const settings = {
        http_server: { address: '127.0.0.1', port },
        client: { insecure: true, allowed_origins: ['*'], channel_limit: 8 },
        log: { level: 'error' },
      };
      await writeFile(file, JSON.stringify(settings));
      return startChild(program, ['--config', file], { cpus, niceness, env: { GOMAXPROCS: '1' } });
    });
    return { port, pids: [pid], stop };
  },
};

async function build(plan: Plan): Promise<string | undefined> {
  const isThere = await access(program).then(
    () => true,
    () => false,
  );
  if (isThere) return undefined;
  if (!plan.mayInstall) return 'not built yet';
  if (!(await has('go'))) return 'building it needs a Go toolchain';
  plan.say(`building ${MODULE}, which takes some minutes`);
  const bin = `${await ensureCache()}/go-bin`;
  const env = { ...process.env, GOBIN: bin, CGO_ENABLED: '0' };
  const { code, output } = await run('go', ['install', MODULE], { timeoutMs: BUILD_TIMEOUT_MS, env });
  if (code !== 0) return `go could not build it: ${lastLines(output, 1)}`;
  await rename(`${bin}/centrifugo`, program);
  return undefined;
}
