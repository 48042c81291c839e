import { numberText } from '../texts/numbers.ts';

interface Props {
  label: string;
  value: number | string;
  tone?: 'bad';
}

/** One figure, large. */
export function Tile({ label, value, tone }: Props) {
  return (
    <div class={`card tile ${tone ?? ''}`}>
      <span class="tile-label">{label}</span>
      <span class="tile-value">{typeof value === 'number' ? numberText(value) : value}</span>
    </div>
  );
}
