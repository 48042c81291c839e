import { text } from '../texts/texts.ts';

const LIFETIMES = [
  ['default', undefined],
  ['day', 86_400],
  ['week', 604_800],
  ['days90', 7_776_000],
  ['year', 31_536_000],
  ['always', 0],
] as const;

interface Props {
  /** Seconds; undefined: as long as the deployment says; 0: without end. */
  seconds: number | undefined;
  onSeconds: (seconds: number | undefined) => void;
  /** Offers a token without end. */
  hasAlways?: boolean;
}

/** How long a token is valid. */
export function Lifetime({ seconds, onSeconds, hasAlways = false }: Props) {
  const choices = LIFETIMES.filter(([name]) => hasAlways || name !== 'always');
  return (
    <label class="field">
      <span>{text('tokens.lifetime')}</span>
      <select onChange={({ currentTarget }) => onSeconds(choices[currentTarget.selectedIndex]?.[1])}>
        {choices.map(([name, value]) => (
          <option key={name} selected={value === seconds}>
            {text(`tokens.lifetime.${name}`)}
          </option>
        ))}
      </select>
    </label>
  );
}
