import type { TestProject } from 'vitest/node';
import { buildAddon } from './addon.ts';
import { gatherLogs } from './logs.ts';
import { startTestRedis, type TestRedis } from './redis.ts';
import { runFolder } from './run-folder.ts';

/** Projects that need no Redis: `npm run check` runs them on a machine that has none. */
const withoutRedis = new Set(['architecture']);

/**
 * Starts the two shared servers before any test; vitest calls what it returns after the last one, and fails when that
 * throws: the logs of all programs of the run are searched for secrets.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (project.vitest.projects.every(({ name }) => withoutRedis.has(name))) return undefined;
  // Before the processes of the tests start, so that all of them have the same.
  runFolder();
  const searchLogs = gatherLogs();
  await buildAddon();
  const servers: TestRedis[] = [];
  const plain = await startTestRedis();
  servers.push(plain);
  const cluster = await startTestRedis({ cluster: true });
  servers.push(cluster);
  project.provide('redisUrl', plain.url);
  project.provide('redisClusterUrl', cluster.url);
  return async () => {
    await Promise.all(servers.map((server) => server.stop()));
    searchLogs();
  };
}
