import { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { defineScript, readLua } from '../../contract/store/scripts/library.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import type { AuditQuery, auditAnswer, auditRecord } from './audit-schema.ts';

const readScript = defineScript('read_audit', readLua(new URL('./read-audit.lua', import.meta.url)));

export async function readAudit(redis: RedisPort, keys: Keys, query: AuditQuery): Promise<z.infer<typeof auditAnswer>> {
  const { limit, before } = query;
  const from = before === undefined ? '+' : `(${before}`;
  const entries = (await redis.script(readScript, [keys.users], [keys.prefix, from, limit + 1])) as [
    string,
    string[],
  ][];
  const records = entries.slice(0, limit).map(([id, fields]) => recordOf(id, fields));
  return { records, cursor: entries.length > limit ? (records.at(-1)?.id ?? null) : null };
}

const ids = z.array(z.string());

function recordOf(id: string, flat: readonly string[]): z.infer<typeof auditRecord> {
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < flat.length; at += 2) fields.set(String(flat[at]), String(flat[at + 1]));
  const number = (name: string) => (fields.has(name) ? Number(fields.get(name)) : null);
  const to = fields.get('to');
  return {
    id,
    at: Number(fields.get('at')),
    by: fields.get('by') ?? '',
    kind: fields.get('kind') ?? '',
    target: fields.get('target') ?? null,
    message_id: fields.get('message') ?? null,
    command_id: number('command'),
    to: to === undefined ? null : ids.parse(JSON.parse(to)),
    recipients: number('recipients'),
  };
}
