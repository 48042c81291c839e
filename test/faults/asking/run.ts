import { setTimeout } from 'node:timers/promises';
import { parseMailboxMember } from '../../../contract/store/records.ts';
import { until } from '../../kit/until.ts';
import { Random } from '../random.ts';
import { LEASE_MS, System } from '../system.ts';
import { Callers, CallLog } from './callers.ts';
import { checkGroup, checkKeys, checkOnce, checkTimes, checkWaits, type Mailboxes } from './checks.ts';
import { AskedDevice } from './device.ts';

const GATEWAYS = 3;
const GROUP = 'fleet';
/** More than are served at once: the work is done in steps, by whichever gateway lives. */
const MEMBERS = 2_500;
const MAX_LOAD_MS = 120_000;
const PATIENCE = { timeoutMs: 60_000, everyMs: 50 };

interface Parts {
  readonly system: System;
  readonly random: Random;
}

/**
 * Calls that wait, commands with a time, keys and sends to a group, while gateways are killed and stand still, Redis is
 * killed and stands still, and devices lose their connections. Then calm, then the promises.
 */
export async function runAsking({ seed = 1, cluster = false, durationMs = 8_000 } = {}): Promise<string[]> {
  const random = new Random(seed);
  const system = await System.start({ cluster, gateways: GATEWAYS });
  try {
    const parts = (): Parts => ({ system, random: random.fork() });
    const devices = ['ack-1', 'ack-2', 'ack-3'].map((user) => new AskedDevice(user, 'ack', parts()));
    devices.push(new AskedDevice('extended-1', 'extended', parts()));
    const sleepers = ['away-1', 'away-2'].map((user) => new AskedDevice(user, 'ack', parts()));
    const members = Array.from({ length: MEMBERS }, (_, i) => `member-${i}`);
    await createUsers(system, [...devices, ...sleepers], members);
    await system.untilReady();
    const log = new CallLog();
    const callers = () => new Callers({ ...parts(), log });
    const setup = callers();
    const everyone = [...members, ...[...devices, ...sleepers].map(({ user }) => user)];
    for (let at = 0; at < everyone.length; at += 1_000) {
      await setup.addToGroup(GROUP, everyone.slice(at, at + 1_000));
    }
    for (const device of devices) device.switchOn();

    const load = new Load({ ...parts(), callers, devices, sleepers });
    const running = load.run();
    const start = performance.now();
    const isOver = () => {
      const ms = performance.now() - start;
      return ms > MAX_LOAD_MS || (ms > durationMs && isEnough(log));
    };
    await disturb(parts(), devices, isOver);
    load.stop();
    await running;
    await system.untilReady();
    // A gateway that was killed last is buried by then, and its sessions are elsewhere.
    await setTimeout(3 * LEASE_MS);
    const calm = callers();
    await Promise.all(devices.map(({ user }) => calm.schedule(user, 2, { isCalm: true })));
    for (const { user } of devices) await calm.replace(user, 'level');
    for (const sleeper of sleepers) sleeper.switchOn();
    await until('nothing is on its way', () => isIdle(system, everyone.slice(MEMBERS)), PATIENCE);
    const all = new Map([...devices, ...sleepers].map((device) => [device.user, device]));
    const violations = [
      ...log.violations,
      ...checkWaits(log, all),
      ...checkTimes(log, all),
      ...checkOnce(all),
      ...checkKeys(log, all, new Set(sleepers.map(({ user }) => user))),
      ...checkGroup(log, all, await readMailboxes(system, members)),
      ...(isEnough(log) ? [] : [`too little happened: ${JSON.stringify(countsOf(log))}`]),
    ];
    await Promise.all([...all.values()].map((device) => device.switchOff()));
    return violations;
  } finally {
    await system.stop();
  }
}

async function createUsers(system: System, devices: readonly AskedDevice[], members: readonly string[]): Promise<void> {
  for (const { user } of devices) await system.createUser(user);
  await system.createUser('operator', 'operator');
  const pipeline = system.admin.pipeline();
  for (const user of members) pipeline.hset(system.keys.user(user), 'token', 'none');
  await pipeline.exec();
}

/** A run in which little happened has shown little; on a busy machine it takes longer. */
function isEnough(log: CallLog): boolean {
  const { steps, times, toGroup, replacements } = countsOf(log);
  return steps > 30 && times > 8 && toGroup > 4 && replacements > 4;
}

function countsOf({ waited, timed, toGroup, keyed }: CallLog) {
  return {
    steps: waited.filter(({ outcome }) => outcome !== 'pending').length,
    times: timed.length,
    toGroup: toGroup.length,
    replacements: [...keyed.values()].reduce((sum, sent) => sum + sent.length - 1, 0),
  };
}

class Load {
  readonly #callers: () => Callers;
  readonly #random: Random;
  readonly #devices: readonly AskedDevice[];
  readonly #sleepers: readonly AskedDevice[];
  #isOn = true;

  constructor(
    parts: Parts & { callers: () => Callers; devices: readonly AskedDevice[]; sleepers: readonly AskedDevice[] },
  ) {
    this.#callers = parts.callers;
    this.#random = parts.random;
    this.#devices = parts.devices;
    this.#sleepers = parts.sleepers;
  }

  stop(): void {
    this.#isOn = false;
  }

  /** Resolves when all calls have their answers. */
  async run(): Promise<void> {
    const acknowledging = this.#devices.filter(({ form }) => form === 'ack');
    const everyone = [...this.#devices, ...this.#sleepers];
    const some = (devices: readonly AskedDevice[]) => this.#random.pick(devices).user;
    await Promise.all([
      ...Array.from({ length: 6 }, () => this.#loop(20, (callers) => callers.wait(some(this.#devices), 'reply'))),
      ...Array.from({ length: 3 }, () =>
        this.#loop(20, (callers) => callers.wait(some(acknowledging), 'acknowledged')),
      ),
      this.#loop(100, (callers) => callers.schedule(some(everyone), this.#random.between(1, 3))),
      // One after the other, so that it is known which is the newest.
      this.#loop(40, (callers) => callers.replace(some(everyone), this.#random.pick(['level', 'colour']))),
      this.#loop(400, (callers) => callers.sendToGroup(GROUP)),
    ]);
  }

  async #loop(pauseMs: number, call: (callers: Callers) => Promise<void>): Promise<void> {
    const callers = this.#callers();
    while (this.#isOn) {
      await call(callers);
      await setTimeout(this.#random.between(0, 2 * pauseMs));
    }
  }
}

/** Faults, one after the other; resolves when all are taken back. */
async function disturb(
  { system, random }: Parts,
  devices: readonly AskedDevice[],
  isOver: () => boolean,
): Promise<void> {
  const lasting: Promise<void>[] = [];
  while (!isOver()) {
    await setTimeout(random.between(100, 500));
    const dice = random.next();
    if (dice < 0.5) random.pick(devices).cut();
    else if (dice < 0.7) lasting.push(killGateway(system, random.between(0, GATEWAYS - 1)));
    else if (dice < 0.8) await standStill(system.redis, random.between(200, 900));
    else if (dice < 0.87) await crash(system.redis, random.between(0, 800));
    else lasting.push(pauseGateway(system, random.between(0, GATEWAYS - 1), random.between(200, 1.5 * LEASE_MS)));
  }
  await Promise.all(lasting);
}

async function killGateway(system: System, place: number): Promise<void> {
  const gateway = system.gateways[place];
  if (!gateway || gateway.isPaused || system.open.length < 2) return;
  system.gateways[place] = undefined;
  await gateway.process.stop('SIGKILL');
  await system.startGateway(place);
}

async function pauseGateway(system: System, place: number, forMs: number): Promise<void> {
  const gateway = system.gateways[place];
  if (!gateway || gateway.isPaused) return;
  gateway.isPaused = true;
  gateway.process.child.kill('SIGSTOP');
  await setTimeout(forMs);
  gateway.process.child.kill('SIGCONT');
  gateway.isPaused = false;
}

async function standStill(redis: System['redis'], forMs: number): Promise<void> {
  redis.signal('SIGSTOP');
  await setTimeout(forMs);
  redis.signal('SIGCONT');
}

async function crash(redis: System['redis'], backAfterMs: number): Promise<void> {
  await redis.crash();
  await setTimeout(backAfterMs);
  await redis.startAgain();
}

async function isIdle({ admin, keys }: System, users: readonly string[]): Promise<boolean> {
  const boxes = await Promise.all(users.map((user) => admin.zcard(keys.mailbox(user))));
  const gateways = await admin.zrange(keys.gateways, '0', '-1');
  const inboxes = await Promise.all(gateways.map((id) => admin.xlen(keys.inbox(id))));
  const work = await Promise.all([admin.zcard(keys.scheduled), admin.zcard(keys.groupWork)]);
  if ([...boxes, ...inboxes, ...work].every((count) => count === 0)) return true;
  throw new Error(`mailboxes ${boxes}, inboxes ${inboxes}, scheduled and to groups ${work}`);
}

async function readMailboxes({ admin, keys }: System, users: readonly string[]): Promise<Mailboxes> {
  const pipeline = admin.pipeline();
  for (const user of users) pipeline.zrange(keys.mailbox(user), '0', '-1');
  const replies = (await pipeline.exec()) ?? [];
  return new Map(
    users.map((user, at) => {
      const members = (replies[at]?.[1] ?? []) as string[];
      return [user, members.map((member) => String(JSON.parse(parseMailboxMember(member).body).n))];
    }),
  );
}
