import { ask } from '../../local/redis/ping.ts';
import { until } from './until.ts';

/** Gives all slots to the one node of a cluster. Without vitest: the fault checker also runs by itself. */
export async function formCluster(url: string): Promise<void> {
  const slots = /cluster_slots_assigned:(\d+)/.exec(String(await ask(url, 'CLUSTER', 'INFO')))?.[1];
  // After a restart the node knows its slots from its folder. ADDSLOTSRANGE would need Redis 7.
  if (slots === '0') await ask(url, 'CLUSTER', 'ADDSLOTS', ...Array.from({ length: 16_384 }, (_, slot) => `${slot}`));
  await until('cluster_state is ok', async () =>
    String(await ask(url, 'CLUSTER', 'INFO')).includes('cluster_state:ok'),
  );
}
