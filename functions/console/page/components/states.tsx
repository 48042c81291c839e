import type { TextKey } from '../texts/table.ts';
import { text } from '../texts/texts.ts';

export const STATES = [
  'replied',
  'acknowledged',
  'written',
  'routed',
  'stored',
  'scheduled',
  'replaced',
  'cancelled',
  'expired',
  'failed',
] as const;

/** A state that the page does not know yet is shown by its own name. */
export function stateText(state: string): string {
  const known = STATES.find((one) => one === state);
  return known ? text(`delivery.${known}` satisfies TextKey) : state;
}

/** How many recipients are in which state, those that came furthest first. */
function orderedStates(counts: Readonly<Record<string, number>>): [state: string, n: number][] {
  const names = [...new Set<string>([...STATES, ...Object.keys(counts)])];
  return names.map((name): [string, number] => [name, counts[name] ?? 0]).filter(([, n]) => n > 0);
}

/** The shares as one bar; the words beside it say the same. */
export function StateBar({ counts, total }: { counts: Readonly<Record<string, number>>; total: number }) {
  return (
    <span class="state-bar" aria-hidden="true">
      {orderedStates(counts).map(([state, n]) => (
        <span key={state} class={`share ${state}`} style={{ flexGrow: n / Math.max(1, total) }} />
      ))}
    </span>
  );
}

export function StateCounts({ counts }: { counts: Readonly<Record<string, number>> }) {
  return (
    <>
      {orderedStates(counts).map(([state, n]) => (
        <span key={state} class={`state ${state}`}>
          {stateText(state)} <b>{n}</b>
        </span>
      ))}
    </>
  );
}
