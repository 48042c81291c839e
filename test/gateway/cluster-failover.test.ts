import { expect, onTestFinished, test } from 'vitest';
import { ask } from '../../local/redis/ping.ts';
import { gateway } from '../kit/gateway.ts';
import { startTestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

/** A cluster of a primary and its replica. */
async function cluster() {
  // A replica is named to clients when something has come from its primary, a ping at the latest.
  const args = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1', '--cluster-node-timeout', '2000'];
  const primary = await startTestRedis({ cluster: true, args });
  onTestFinished(() => primary.stop());
  const replica = await startTestRedis({ args: [...args, '--cluster-enabled', 'yes'] });
  onTestFinished(() => replica.stop());
  const id = String(await ask(primary.url, 'CLUSTER', 'MYID'));
  await ask(replica.url, 'CLUSTER', 'MEET', '127.0.0.1', String(primary.port));
  await until('they have met', async () => String(await ask(replica.url, 'CLUSTER', 'NODES')).includes(id));
  await until('it replicates', async () => (await ask(replica.url, 'CLUSTER', 'REPLICATE', id)) === 'OK');
  const link = async () => /master_link_status:(\w+)/.exec(String(await ask(replica.url, 'INFO', 'replication')))?.[1];
  await until('the replica has everything', async () => (await link()) === 'up');
  await until('clients learn of it', async () =>
    JSON.stringify(await ask(primary.url, 'CLUSTER', 'SLOTS')).includes(String(replica.port)),
  );
  return {
    primary,
    /** The replica learns nothing more. */
    async cut() {
      await ask(replica.url, 'CONFIG', 'SET', 'masteruser', 'nobody');
      await ask(replica.url, 'CONFIG', 'SET', 'masterauth', 'wrong');
      await ask(replica.url, 'CLIENT', 'KILL', 'TYPE', 'master');
      await until('it is cut off', async () => (await link()) === 'down');
    },
    /** The replica has the slots from now on. */
    async promote() {
      await ask(replica.url, 'CLUSTER', 'FAILOVER', 'TAKEOVER');
      await until('it is the primary', async () =>
        String(await ask(replica.url, 'CLUSTER', 'INFO')).includes('cluster_state:ok'),
      );
    },
  };
}

// Not by the lease: its next renewal is three minutes away.
const ENV = { REDIS_CLUSTER: 'true', LEASE_MS: '600000' };

test.each(['dies', 'becomes the replica'])(
  'a session that a failover in a cluster has lost is claimed again when the primary %s',
  {
    timeout: 60_000,
  },
  async (what) => {
    const { primary, cut, promote } = await cluster();
    const g = await gateway(ENV, { redisUrl: primary.url });
    const first = g.running.id;
    await g.users('u');
    await until('the replica has the user', async () => {
      const offsets = await ask(primary.url, 'INFO', 'replication');
      const [, sent] = /master_repl_offset:(\d+)/.exec(String(offsets)) ?? [];
      return new RegExp(`offset=${sent},`).test(String(offsets));
    });
    await cut();
    const client = await g.verified('u', ['ack']);
    expect(await g.metric('fronttcp_redis_reconnects_total')).toBe(0);
    if (what === 'dies') await primary.kill('SIGKILL');
    await promote();
    // New connections begin with the node that REDIS_URL names.
    if (what === 'dies') await primary.restart();
    await until('it has joined again', () => g.running.id !== first);
    await until('the session is there', async () => {
      const session = await g.redis.command('HGET', g.keys.user('u'), 'gateway');
      return session === g.running.id;
    });
    expect(await g.metric('fronttcp_redis_reconnects_total')).toBeGreaterThan(0);
    await g.route({ to: ['u'], body: '{"chat_from": "op", "chat_content": "after"}' });
    await client.receives(102);
  },
);
