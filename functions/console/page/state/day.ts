import { signal } from '@preact/signals';
import { type FiguresHistory, readHistory } from '../api/history.ts';
import type { Failure } from '../api/request.ts';

export const HOURS = [1, 24] as const;

export const hours = signal<(typeof HOURS)[number]>(24);

export interface Day {
  readonly hours: number;
  readonly readAtMs: number;
  /** Middle of each step, Unix ms. */
  readonly times: readonly number[];
  readonly figures: FiguresHistory;
}

/** Undefined until the first answer. */
export const day = signal<Day | undefined>(undefined);

/** Gateways report once a minute: to ask more often tells nothing new. */
const PAUSE_MS = 60_000;

export async function refreshDay(): Promise<Failure | undefined> {
  const wanted = hours.value;
  const known = day.value;
  if (known?.hours === wanted && Date.now() - known.readAtMs < PAUSE_MS) return undefined;
  const answer = await readHistory(wanted);
  if (!answer.ok) return answer.failure;
  if (wanted !== hours.value) return undefined;
  const { from, step_s, clients } = answer.value;
  const times = clients.map((_, at) => (from + (at + 0.5) * step_s) * 1000);
  day.value = { hours: wanted, readAtMs: Date.now(), times, figures: answer.value };
  return undefined;
}

export function forgetDay(): void {
  day.value = undefined;
}
