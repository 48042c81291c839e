import { array, nullable, number, object, type infer as ZodInfer } from 'zod/mini';
import { operatorCall } from './operator-call.ts';

const series = array(nullable(number()));

/** Columns with one value per step of `step_s` seconds, from `from` (Unix seconds) on; null: not known. */
const historySchema = object({
  from: number(),
  step_s: number(),
  clients: series,
  gateways: series,
  delivered_per_s: series,
  p50_ms: series,
  p95_ms: series,
});
export type FiguresHistory = ZodInfer<typeof historySchema>;

export function readHistory(hours: number) {
  return operatorCall(historySchema, { method: 'GET', path: `stats/history?hours=${hours}` });
}
