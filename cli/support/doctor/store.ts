import { RedisUnavailableError } from '../../../shared/redis/errors.ts';
import { Failure } from '../failure.ts';
import { isLoopback } from '../local-system.ts';
import { environmentOf, type Store, withStore } from '../store.ts';
import { certificateCheck } from './certificate.ts';
import { type Area, type Check, clockCheck, fail, ok, skipped, warn } from './check.ts';
import { type Info, parseInfo, settingChecks } from './store-settings.ts';

const PINGS = 5;
/** Users that are named for messages that come back to them again and again. */
const MAX_NAMED = 10;
/** Every message needs a few round trips; a longer one means that the store is in another region. */
const SLOW_MS = 20;
/** A fleet is of one kind, as a rule: a few stand for all. */
const MAX_GATEWAYS_ASKED = 100;
/** The features of a server that a gateway's lease script uses. */
const OLDEST = [6, 2] as const;

export async function storeArea(): Promise<Area> {
  return { title: 'Redis', checks: await storeChecks() };
}

async function storeChecks(): Promise<Check[]> {
  const isRelay = Boolean(process.env.FRONTTCP_RELAY);
  const environment = isRelay ? undefined : await environmentOf().catch((error: unknown) => failureOf(error));
  if (environment instanceof Failure) {
    const isNamed = Boolean(process.env.REDIS_URL || process.env.UPSTASH_REDIS_REST_URL);
    if (isNamed) return [fail('settings', environment.message.replaceAll(/\s+/g, ' '), 'Correct the environment.')];
    return [skipped('reachable', 'no Redis is named', 'Set REDIS_URL, or run this where `fronttcp dev` runs.')];
  }
  const url = environment?.REDIS_URL === undefined ? undefined : new URL(environment.REDIS_URL);
  try {
    const checks = await withStore(look);
    return [...checks, ...(url === undefined ? [] : [await wayCheck(url)])];
  } catch (error) {
    const failure = failureOf(error);
    const where = url === undefined ? '' : `${url.host}: `;
    return [fail('reachable', `${where}${failure.message}`, failure.nextStep ?? 'Is it running?')];
  }
}

async function look(store: Store): Promise<Check[]> {
  const { redis, keys } = store;
  const roundTrips: number[] = [];
  for (let at = 0; at < PINGS; at += 1) {
    const startedAt = performance.now();
    await redis.command('PING');
    roundTrips.push(performance.now() - startedAt);
  }
  const askedAt = Date.now();
  const [seconds = '0', microseconds = '0'] = (await redis.command('TIME')) as string[];
  const tookMs = Date.now() - askedAt;
  const aheadMs = Number(seconds) * 1_000 + Number(microseconds) / 1_000 - (askedAt + tookMs / 2);
  const info = await infoOf(store);
  const fits = await runsScripts(store);
  const live = [`(${Math.floor(Date.now() + aheadMs)}`, '+inf'];
  const [gateways, some, dead] = await redis.pipeline([
    ['ZCOUNT', keys.gateways, ...live],
    ['ZRANGEBYSCORE', keys.gateways, ...live, 'LIMIT', 0, MAX_GATEWAYS_ASKED],
    ['LLEN', keys.queueDead],
  ]);
  return [
    speedCheck(roundTrips.sort((a, b) => a - b)[Math.floor(PINGS / 2)] ?? 0),
    ...(info === undefined
      ? [skipped('version', 'the store does not report it', 'See its documentation.')]
      : [versionCheck(info)]),
    fits,
    clockCheck('clock', aheadMs, tookMs / 2),
    ...(info === undefined ? [] : settingChecks(info)),
    Number(gateways) > 0
      ? ok('gateways', `${Number(gateways)} live, net ${await networksOf(store, some as string[])}`)
      : warn('gateways', 'none is live', 'Start one: fronttcp dev, or look at the ECS service.'),
    Number(dead) === 0
      ? ok('dead letters', 'none')
      : warn('dead letters', String(dead), 'Look at them: fronttcp dead list'),
    await repeatsCheck(store),
  ];
}

/** What reads and writes the sockets of these gateways (the setting NET). */
async function networksOf({ redis, keys }: Store, gatewayIds: readonly string[]): Promise<string> {
  const networks = await redis.pipeline(gatewayIds.map((id) => ['HGET', keys.gateway(id), 'net']));
  return [...new Set(networks.map((network) => (typeof network === 'string' ? network : 'unknown')))].join(' and ');
}

function speedCheck(roundTripMs: number): Check {
  const found = `yes, ${roundTripMs.toFixed(1)} ms there and back`;
  const mend = 'Run gateways and functions in the region of the store.';
  return roundTripMs > SLOW_MS ? warn('reachable', found, mend) : ok('reachable', found);
}

function versionCheck(info: Info): Check {
  const version = info.get('valkey_version') ?? info.get('redis_version') ?? '';
  const name = info.has('valkey_version') ? 'Valkey' : 'Redis';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNewEnough = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  const mend = `Use Redis ${OLDEST.join('.')} or newer, or Valkey.`;
  return isNewEnough ? ok('version', `${name} ${version}`) : fail('version', `${name} ${version}`, mend);
}

/** Messages that their clients do not take: those that still wait, of the users with the most sessions. */
async function repeatsCheck({ redis, keys }: Store): Promise<Check> {
  const users = (await redis.command('ZREVRANGE', keys.repeated, 0, MAX_NAMED - 1)) as string[];
  if (users.length === 0) return ok('repeated messages', 'none');
  const fields = (await redis.pipeline(users.map((user) => ['HGET', keys.user(user), 'repeated']))) as (
    | string
    | null
  )[];
  const notes = fields.map((text) => (text ?? '').split(' '));
  const waiting = await redis.pipeline(
    users.map((user, at) => ['ZCOUNT', keys.mailbox(user), notes[at]?.[0] || 0, notes[at]?.[0] || 0]),
  );
  const found = users.flatMap((user, at) =>
    Number(waiting[at]) > 0 ? [`${user}: message ${notes[at]?.[0]}, ${notes[at]?.[1]} sessions`] : [],
  );
  const mend = 'Mend the client, or delete the message: fronttcp users drop-message <user> <message>';
  return found.length === 0 ? ok('repeated messages', 'none') : warn('repeated messages', found.join('; '), mend);
}

/** All work is done in scripts: a user without the right to run them cannot do anything. */
async function runsScripts({ redis, keys }: Store): Promise<Check> {
  try {
    await redis.command('EVAL', "return redis.call('ZCARD', KEYS[1])", 1, keys.users);
    return ok('scripts', 'run');
  } catch (error) {
    if (error instanceof RedisUnavailableError) throw error;
    return fail('scripts', (error as Error).message, 'Give this user the rights of docs/security.md.');
  }
}

async function infoOf({ redis }: Store): Promise<Info | undefined> {
  try {
    return parseInfo(String(await redis.command('INFO')));
  } catch (error) {
    if (error instanceof RedisUnavailableError) throw error;
    return undefined;
  }
}

async function wayCheck(url: URL): Promise<Check> {
  if (url.protocol === 'rediss:') return certificateCheck('TLS', url.hostname, Number(url.port || 6_379));
  if (isLoopback(url.hostname)) return ok('TLS', 'not needed on this machine');
  return warn('TLS', 'none: password and messages can be read on the way', 'Use rediss:// where the store speaks TLS.');
}

function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  throw error;
}
