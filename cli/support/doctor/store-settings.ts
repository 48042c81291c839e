import { count } from '../drawing.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** The fields of INFO, by name. */
export type Info = ReadonlyMap<string, string>;

export function parseInfo(text: string): Info {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

/** Above this share of memory or connections there is a warning. */
const NEARLY_FULL = 0.8;

/** Checks of the server's settings on which our data depends. */
export function settingChecks(info: Info): Check[] {
  return [roleCheck(info), memoryCheck(info), ...connectionsCheck(info), durabilityCheck(info)];
}

function roleCheck(info: Info): Check {
  return info.get('role') === 'slave'
    ? fail('role', 'a replica: nothing can be written', 'Name the primary in REDIS_URL.')
    : ok('role', 'primary');
}

function memoryCheck(info: Info): Check {
  const max = Number(info.get('maxmemory') ?? 0);
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  const used = Number(info.get('used_memory') ?? 0);
  const found = `${mebibytes(used)} of ${max === 0 ? 'what the machine has' : mebibytes(max)}, ${policy}`;
  const keep = 'CONFIG SET maxmemory-policy noeviction (a parameter group, where it is managed)';
  if (max > 0 && policy.startsWith('allkeys')) return fail('memory', `${found}: messages would be evicted`, keep);
  if (max > 0 && policy.startsWith('volatile')) return warn('memory', `${found}: receipts would be evicted`, keep);
  if (max > 0 && used / max > NEARLY_FULL)
    return warn('memory', found, 'Take a larger store, or a shorter OFFLINE_TTL_S.');
  return ok('memory', found);
}

function connectionsCheck(info: Info): Check[] {
  const [open, max] = [Number(info.get('connected_clients')), Number(info.get('maxclients'))];
  if (!(max > 0)) return [];
  const found = `${count(open)} of ${count(max)}`;
  const mend = 'Raise maxclients: a gateway takes a handful, a function one per sandbox.';
  return [open / max > NEARLY_FULL ? warn('connections', found, mend) : ok('connections', found)];
}

function durabilityCheck(info: Info): Check {
  if (info.get('aof_enabled') === '1') return ok('durability', 'append-only file');
  if (Number(info.get('connected_slaves') ?? 0) > 0)
    return ok('durability', `${info.get('connected_slaves')} replicas`);
  const mend = 'CONFIG SET appendonly yes, or a replica: else a restart loses what waits in mailboxes.';
  return warn('durability', 'neither an append-only file nor a replica', mend);
}

const mebibytes = (bytes: number): string => `${count(bytes / 1_048_576)} MiB`;
