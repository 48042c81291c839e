import type { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { entriesOf } from '../../contract/store/redis-reply.ts';
import { defineScript, readLua } from '../../contract/store/scripts/library.ts';
import { pairsOf } from '../../shared/redis/flat.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import type { AuditQuery, auditAnswer, auditRecord } from './audit-schema.ts';
import { recordedRecipients } from './recorded-recipients.ts';

const readScript = defineScript('read_audit', readLua(new URL('./read-audit.lua', import.meta.url)));

export async function readAudit(redis: RedisPort, keys: Keys, query: AuditQuery): Promise<z.infer<typeof auditAnswer>> {
  const { limit, before } = query;
  const from = before === undefined ? '+' : `(${before}`;
  const entries = entriesOf(await redis.script(readScript, [keys.users], [keys.prefix, from, limit + 1]));
  const records = entries.slice(0, limit).map(([id, fields]) => recordOf(id, fields));
  return { records, cursor: entries.length > limit ? (records.at(-1)?.id ?? null) : null };
}

function recordOf(id: string, flat: readonly string[]): z.infer<typeof auditRecord> {
  const fields = new Map(pairsOf(flat));
  return {
    id,
    at: Number(fields.get('at')),
    by: fields.get('by') ?? '',
    kind: fields.get('kind') ?? '',
    target: fields.get('target') ?? null,
    message_id: fields.get('message') ?? null,
    command_id: fields.has('command') ? Number(fields.get('command')) : null,
    ...recordedRecipients(fields.get('to'), fields.get('recipients')),
  };
}
