import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { repository } from '../kit/process.ts';
import {
  checkAddressees,
  checkDelivery,
  checkDuplicates,
  checkIdempotence,
  checkIds,
  checkOrder,
  see,
} from './checks.ts';
import { Faults } from './faults.ts';
import { History, type UserForm } from './history.ts';
import { Random } from './random.ts';
import { Receiver } from './receiver.ts';
import { calm } from './run-seed.ts';
import { HttpSender, QueueSender, type Sender, TcpSender } from './senders.ts';
import { System } from './system.ts';

const BEFORE = join(repository, 'test/fixtures/version-1230ddc/gateway.mjs.gz');
const FORMS: readonly UserForm[] = ['plain', 'ack', 'extended', 'ack', 'mixed'];
const GATEWAYS = 3;
const BETWEEN_MS = 1_500;

/**
 * The version before and this one, side by side under load: first old gateways beside new functions, then each gateway is
 * replaced. The second one is killed, so that a new gateway buries an old one and takes over what is in its inbox.
 */
export async function runUpgrade(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-upgrade-'));
  await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
  const program = join(folder, 'gateway.mjs');
  await writeFile(program, gunzipSync(await readFile(BEFORE)));
  const system = await System.start({ cluster: false, gateways: GATEWAYS, program });
  const history = new History();
  const random = new Random(1);
  try {
    const users = FORMS.map((form, i) => ({ id: `${form}-${i}`, form }));
    const names = users.map(({ id }) => id);
    for (const id of [...names, 'chat-1', 'chat-2']) await system.createUser(id);
    await system.createUser('operator', 'operator');
    await system.untilReady();
    const parts = () => ({ system, history, random: random.fork(), receivers: names });
    const receivers = users.map(({ id, form }) => new Receiver(id, form, parts()));
    await Promise.all(receivers.map((receiver) => receiver.connect()));
    const chats = [
      new TcpSender('chat-1', ['receipts', 'errors'], parts()),
      new TcpSender('chat-2', ['receipts', 'ack'], parts()),
    ];
    const senders: Sender[] = [
      ...chats,
      new HttpSender('http', 'operator', true, parts()),
      new QueueSender('queue', parts()),
    ];
    for (const sender of senders) sender.start();
    const faults = new Faults({ system, history, receivers, senders: chats });
    system.program = undefined;
    for (let place = 0; place < GATEWAYS; place += 1) {
      await setTimeout(BETWEEN_MS);
      for (const receiver of receivers) void receiver.connect();
      const what = place === 1 ? 'kill gateway' : 'end gateway';
      await faults.run([{ atMs: 0, what, place, backAfterMs: 0 }]);
      await faults.healed();
      await system.untilReady();
    }
    await setTimeout(BETWEEN_MS);
    await Promise.all(senders.map((sender) => sender.stop()));
    const broken = [...history.violations];
    broken.push(
      ...(await calm(system, history, receivers, new HttpSender('marker', 'operator', true, parts()), names)),
    );
    const seen = see(history, new Map(users.map(({ id, form }) => [id, form])));
    broken.push(...checkAddressees(seen), ...checkDelivery(seen), ...checkDuplicates(seen), ...checkOrder(seen));
    broken.push(...checkIdempotence(seen), ...checkIds(seen));
    const unread = await system.admin.llen(`${system.keys.prefix}inbox_unread`);
    if (unread > 0) broken.push(`${unread} records that nobody knew`);
    await Promise.all(receivers.map((receiver) => receiver.stop()));
    return broken;
  } finally {
    await system.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
