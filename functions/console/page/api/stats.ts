import { array, boolean, number, object, optional, record, string, type infer as ZodInfer } from 'zod/mini';
import { operatorCall } from './operator-call.ts';

const gatewaySchema = object({
  id: string(),
  live: boolean(),
  sessions: optional(number()),
  inbox: optional(number()),
  facts: optional(record(string(), string())),
});
export type Gateway = ZodInfer<typeof gatewaySchema>;

const statsSchema = object({
  connected: number(),
  users: optional(number()),
  gateways: array(gatewaySchema),
  queue: object({ waiting: number(), dead: number() }),
  deliveries: optional(record(string(), number())),
});
export type Stats = ZodInfer<typeof statsSchema>;

export function readStats() {
  return operatorCall(statsSchema, { method: 'GET', path: 'stats' });
}
