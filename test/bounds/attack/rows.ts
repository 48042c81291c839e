import { setTimeout } from 'node:timers/promises';
import { Crowd } from '../../faults/storm-crowd.ts';
import { Wire } from '../../faults/wire.ts';
import { until } from '../../kit/until.ts';
import type { Attackers, Order } from './orders.ts';
import { type System, TOKEN } from './system.ts';
import type { Watch } from './watch.ts';

/** What an attack may use. */
export interface Scene {
  readonly system: System;
  readonly watch: Watch;
  readonly attackers: Attackers;
}

/** One row of the table of attacks: each is the largest allowed thing of its kind, at the allowed rate. */
interface Attack {
  readonly row: number;
  readonly what: string;
  /** Makes users and data, before the attack begins. */
  prepare?(scene: Scene): Promise<void>;
  /** Clients that attack for the whole time. */
  orders?(system: System): Order[];
  /** What happens once. */
  run?(scene: Scene): Promise<void>;
  /** When all is calm again. Returns what was seen, and what was wrong with it. */
  check(scene: Scene): Promise<Seen>;
}

interface Seen {
  readonly text: string;
  readonly wrong: readonly string[];
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
const portOf = (system: System, at: 0 | 1) => system.gateways[at].port;

/** Each of the users was to get so many messages: they are in the mailbox, or counted as lost, or were `received`. */
async function accounted(
  { system }: Scene,
  users: readonly string[],
  due: number,
  received: Readonly<Record<string, number>> = {},
): Promise<Seen> {
  const counts = await system.owed(users);
  const missing = users.filter((user, at) => (counts[at] ?? 0) + (received[user] ?? 0) < due);
  const wrong = missing
    .slice(0, 3)
    .map((user) => `${user}: ${counts[users.indexOf(user)]} of ${due}, the rest is lost`);
  return { text: `${due} messages for each of ${users.length}, ${missing.length} users miss some`, wrong };
}

const row2Users = names('row2', 1_000);
const row4Users = names('row4', 200);
const ROW4_ENTRIES = 5_000;
const row5Users = names('row5', 10_000);
const ROW5_ENTRIES = 20;
const row7Users = names('row7', 10);
const ROW7_MESSAGES = 1_340;
const ROW7_BYTES = 60_000;
const ROW7_MESSAGES_PER_CALL = 100;
const ROW7_PAUSE_MS = 6_000;
const ROW8_SENDERS = names('row8', 40);
const ROW8_PAUSE_MS = 3_000;
const ROW9_OPERATOR_MESSAGES = 5;
const row13Users = names('row13', 500);
const STORM = 6_000;
let crowd: Crowd | undefined;
let row13Accepted = 0;
let verifiedAfterMs = Number.NaN;

export const attacks: readonly Attack[] = [
  {
    row: 1,
    what: 'one client writes 256 group frames of 1,000 recipients at a time',
    prepare: ({ system }) => system.addUsers(['row1']),
    orders: (system) => [
      { name: 'row1', kind: 'flood', port: portOf(system, 0), user: 'row1', frames: 'many recipients' },
    ],
    check({ attackers }) {
      const { accepted, sent } = attackers.report('row1');
      const wrong = accepted === 0 ? ['not one frame was routed'] : [];
      return Promise.resolve({ text: `${accepted} frames routed of ${256 * sent} written`, wrong });
    },
  },
  {
    row: 2,
    what: 'one client writes group frames of 45 KB to 1,000 absent users',
    prepare: ({ system }) => system.addUsers(['row2', ...row2Users]),
    orders: (system) => [
      { name: 'row2', kind: 'flood', port: portOf(system, 1), user: 'row2', frames: 'large to many' },
    ],
    async check(scene) {
      const { accepted } = scene.attackers.report('row2');
      const seen = await accounted(scene, row2Users, accepted);
      const memory = Number(/used_memory_peak:(\d+)/.exec(await scene.system.admin.info('memory'))?.[1]) / 1_048_576;
      return { ...seen, text: `${seen.text}; Redis had at most ${Math.round(memory)} MiB` };
    },
  },
  {
    row: 3,
    what: `${STORM} plain clients of one gateway connect to the other`,
    async prepare({ system }) {
      crowd = await Crowd.connect(system, { count: STORM, ports: [portOf(system, 0)] });
    },
    async run({ system }) {
      crowd?.moveTo(portOf(system, 1));
      const entries = (crowd?.users ?? []).map((user) =>
        JSON.stringify({ command_id: 102, chat_from: 'operator', chat_to: [user], chat_content: `for ${user}` }),
      );
      for (let from = 0; from < entries.length; from += 200) {
        await system.admin.lpush(system.keys.queue, ...entries.slice(from, from + 200));
        await setTimeout(50);
      }
    },
    async check(scene) {
      const all = crowd;
      if (all === undefined) return { text: 'no crowd', wrong: ['it did not begin'] };
      const port = portOf(scene.system, 1);
      // Away while they wait for the next connection: what came meanwhile is in the mailbox.
      const waiting = (await scene.system.owed(all.users)).reduce((sum, count) => sum + count, 0);
      const { contents } = all.received;
      const wrong = contents + waiting < STORM ? [`${STORM - contents - waiting} messages are lost`] : [];
      if (all.connected(port) < STORM) wrong.push(`only ${all.connected(port)} have moved`);
      all.stop();
      return { text: `${all.connected(port)} moved, ${contents} messages came, ${waiting} wait`, wrong };
    },
  },
  {
    row: 4,
    what: `a gateway dies with ${ROW4_ENTRIES} group messages to 200 recipients each in its inbox`,
    async prepare({ system: { admin, keys }, system }) {
      await system.addUsers(row4Users);
      const first = Date.now() * 1_024 - ROW4_ENTRIES;
      const to = row4Users.map((user) => `"${user}",1`).join(',');
      for (let from = 0; from < ROW4_ENTRIES; from += 100) {
        const pipeline = admin.pipeline();
        for (let i = from; i < from + 100; i += 1) {
          const body = `{"chat_from": "operator", "chat_content": "${i} ${'x'.repeat(300)}"}`;
          pipeline.xadd(keys.inbox('row4'), '*', `["m","${first + i}",103,1100,0,"","",[${to}],[]]`, body);
        }
        await pipeline.exec();
      }
      for (const user of row4Users) await admin.hset(keys.user(user), { gateway: 'row4', epoch: 1, form: 'plain' });
      await admin.sadd(keys.sessions('row4'), ...row4Users);
    },
    run: async ({ system: { admin, keys } }) => void (await admin.zadd(keys.gateways, 1, 'row4')),
    check: (scene) => accounted(scene, row4Users, ROW4_ENTRIES),
  },
  {
    row: 5,
    what: `${ROW5_ENTRIES} queue entries of 10,000 recipients`,
    prepare: ({ system }) => system.addUsers(row5Users),
    async run({ system: { admin, keys } }) {
      for (let i = 0; i < ROW5_ENTRIES; i += 1) {
        const entry = { command_id: 103, chat_from: 'operator', chat_to: row5Users, chat_content: `entry ${i}` };
        await admin.lpush(keys.queue, JSON.stringify(entry));
      }
    },
    check: (scene) => accounted(scene, row5Users, ROW5_ENTRIES),
  },
  {
    row: 6,
    what: 'one client acknowledges as many ids a frame as it may, as fast as it may',
    prepare: ({ system }) => system.addUsers(['row6']),
    orders: (system) => [{ name: 'row6', kind: 'flood', port: portOf(system, 0), user: 'row6', frames: 'acknowledge' }],
    check({ attackers }) {
      const { refused, sent } = attackers.report('row6');
      const text = `frames of ${refused > 0 ? 256 : 16_000} ids are taken, ${sent} were`;
      return Promise.resolve({ text, wrong: refused > 0 ? [] : ['a frame with 16,000 ids is taken'] });
    },
  },
  {
    row: 7,
    what: `a gateway that was paused for ${ROW7_PAUSE_MS / 1_000} s meets an inbox of ${(row7Users.length * ROW7_MESSAGES * ROW7_BYTES) / 1e6} MB`,
    async prepare({ system: { admin, keys }, system, attackers }) {
      await system.addUsers(row7Users);
      attackers.start([{ name: 'row7', kind: 'readers', port: portOf(system, 1), users: row7Users }]);
      const isConnected = async (user: string) => (await admin.hget(keys.user(user), 'epoch')) !== null;
      await until('row 7 is connected', async () => (await Promise.all(row7Users.map(isConnected))).every(Boolean));
    },
    async run({ system: { admin, gateways, keys }, watch }) {
      watch.paused.add(1);
      gateways[1].process.child.kill('SIGSTOP');
      const resumed = setTimeout(ROW7_PAUSE_MS).then(() => {
        gateways[1].process.child.kill('SIGCONT');
        watch.paused.delete(1);
      });
      const [gateway] = await admin.hmget(keys.user(row7Users[0] ?? ''), 'gateway');
      const epochs = await Promise.all(row7Users.map((user) => admin.hget(keys.user(user), 'epoch')));
      const body = `{"chat_from": "operator", "chat_content": "${'x'.repeat(ROW7_BYTES)}"}`;
      const lua = `for i = 1, tonumber(ARGV[3]) do
        local id = redis.call('INCR', KEYS[2])
        redis.call('XADD', KEYS[1], '*', '["m","' .. string.format('%.0f', id) .. '",102,1100,0,"","",[' .. ARGV[1] .. '],[]]', ARGV[2])
      end`;
      for (let i = 0; i < ROW7_MESSAGES; i += ROW7_MESSAGES_PER_CALL) {
        const count = Math.min(ROW7_MESSAGES_PER_CALL, ROW7_MESSAGES - i);
        for (const [at, user] of row7Users.entries()) {
          const recipient = `"${user}",${epochs[at]}`;
          await admin.eval(lua, 2, keys.inbox(gateway ?? ''), `${keys.prefix}message_id`, recipient, body, count);
        }
      }
      await resumed;
    },
    check: (scene) => accounted(scene, row7Users, ROW7_MESSAGES, scene.attackers.report('row7').received),
  },
  {
    row: 8,
    what: `Redis stands still for ${ROW8_PAUSE_MS / 1_000} s while ${ROW8_SENDERS.length} clients send chats of 60 KB`,
    prepare: ({ system }) => system.addUsers([...ROW8_SENDERS, 'row8-absent']),
    orders: (system) =>
      ROW8_SENDERS.map((user, i) => ({
        name: user,
        kind: 'flood',
        port: portOf(system, i % 2 === 0 ? 0 : 1),
        user,
        frames: 'large',
      })),
    async run({ system, watch }) {
      // Beside the other attacks: what Redis has to do first, when it goes on, counts again.
      watch.excuse(ROW8_PAUSE_MS + 3_000);
      system.redis.signal('SIGSTOP');
      await setTimeout(ROW8_PAUSE_MS);
      system.redis.signal('SIGCONT');
    },
    check: (scene) => accounted(scene, ['row8-absent'], scene.attackers.accepted('row8')),
  },
  {
    row: 9,
    what: 'one client sends small chats to an absent user, for whom an operator had stored five',
    async prepare({ system }) {
      await system.addUsers(['row9', 'row9-absent']);
      for (let i = 0; i < ROW9_OPERATOR_MESSAGES; i += 1) {
        await system.send({ command_id: 102, chat_to: 'row9-absent', content: `from the operator ${i}` });
      }
    },
    orders: (system) => [{ name: 'row9', kind: 'flood', port: portOf(system, 0), user: 'row9', frames: 'small' }],
    async check(scene) {
      const { accepted } = scene.attackers.report('row9');
      const seen = await accounted(scene, ['row9-absent'], accepted + ROW9_OPERATOR_MESSAGES);
      const mailbox = await scene.system.admin.zrange(scene.system.keys.mailbox('row9-absent'), '0', '-1');
      const kept = mailbox.filter((member) => member.includes('from the operator')).length;
      const wrong = kept < ROW9_OPERATOR_MESSAGES ? [`${kept} of the operator's messages are left`] : [];
      return { text: `${seen.text}; ${kept} of the operator's are left`, wrong: [...seen.wrong, ...wrong] };
    },
  },
  {
    row: 10,
    what: 'one connection verifies again and again',
    prepare: ({ system }) => system.addUsers(['row10']),
    orders: (system) => [{ name: 'row10', kind: 'flood', port: portOf(system, 0), user: 'row10', frames: 'verify' }],
    async check({ system: { admin, keys } }) {
      const events = (await admin.xrange(keys.events, '-', '+')).filter(([, fields]) =>
        fields.includes('row10'),
      ).length;
      return { text: `${events} events`, wrong: events > 2_000 ? ['a flood of events'] : [] };
    },
  },
  {
    row: 11,
    what: '6,000 connections send most of a verify as large as it may be',
    orders: (system) => [{ name: 'row11', kind: 'unverified', port: portOf(system, 1), count: 6_000 }],
    check({ attackers }) {
      const { accepted, closed } = attackers.report('row11');
      const wrong = accepted > 8_192 ? [`${accepted} bytes may be sent without a token`] : [];
      return Promise.resolve({ text: `each may send ${accepted} bytes; ${closed} were closed`, wrong });
    },
  },
  {
    row: 12,
    what: '60 connections try wrong tokens for a user, who then connects',
    prepare: ({ system }) => system.addUsers(['row12']),
    orders: (system) => [{ name: 'row12', kind: 'wrong tokens', port: portOf(system, 0), user: 'row12', count: 60 }],
    async run({ system }) {
      await setTimeout(5_000);
      const startedAt = performance.now();
      const wire = new Wire(
        portOf(system, 0),
        () => undefined,
        () => undefined,
      );
      const isIn = (await wire.verify('row12', TOKEN, undefined)) !== undefined;
      verifiedAfterMs = isIn ? performance.now() - startedAt : Number.POSITIVE_INFINITY;
      wire.socket.destroy();
    },
    check({ attackers }) {
      const { refused } = attackers.report('row12');
      const wrong = verifiedAfterMs < 6_000 ? [] : ['the real user cannot verify'];
      return Promise.resolve({
        text: `${refused} refused; the user is in after ${Math.round(verifiedAfterMs)} ms`,
        wrong,
      });
    },
  },
  {
    row: 13,
    what: `${row13Users.length} mailboxes with 1,000 messages, one ttl_s among them`,
    async prepare({ system: { admin, keys }, system }) {
      await system.addUsers(row13Users);
      const lua = `for i = 1, 1000 do
        redis.call('ZADD', KEYS[1], ARGV[1] + i, '["' .. string.format('%.0f', ARGV[1] + i) .. '",102,1100,0,"",""]\\n' .. ARGV[2])
      end`;
      const body = `{"chat_from": "operator", "chat_content": "${'x'.repeat(100)}"}`;
      for (const user of row13Users) {
        await admin.eval(lua, 1, keys.mailbox(user), Date.now() * 1_024 - 2_000, body);
        await admin.zadd(keys.users, 0, user);
      }
    },
    async run({ system }) {
      const { status } = await system.send({ command_id: 103, chat_to: row13Users, content: 'short', ttl_s: 2 });
      row13Accepted = status === 200 ? 1 : 0;
    },
    check: (scene) => accounted(scene, row13Users, 1_000 + row13Accepted),
  },
  {
    row: 14,
    what: '100 idle connections to the health port',
    orders: (system) =>
      system.gateways.map(({ healthPort }, at) => ({
        name: `row14-${at}`,
        kind: 'idle',
        port: healthPort,
        count: 100,
      })),
    check: () => Promise.resolve({ text: 'see the health checks', wrong: [] }),
  },
  {
    row: 15,
    what: 'a record that this version does not know',
    async run({ system: { admin, keys } }) {
      for (const id of await admin.zrangebyscore(keys.gateways, '(1', '+inf')) {
        await admin.xadd(keys.inbox(id), '*', '["z","of a newer version"]', 'body');
      }
    },
    async check({ system: { admin, keys } }) {
      const kept = await admin.llen(keys.inboxUnread);
      return { text: `${kept} of 2 are kept`, wrong: kept < 2 ? ['it is gone'] : [] };
    },
  },
];
