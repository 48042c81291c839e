import { language } from '../state/preferences.ts';

export function numberText(n: number): string {
  return n.toLocaleString(language.value);
}

/** A number per second: whole from ten on. */
export function rateText(rate: number | null): string {
  if (rate === null) return '–';
  return rate.toLocaleString(language.value, { maximumFractionDigits: rate < 10 ? 1 : 0 });
}

/** Of a delivery: “3.5 ms”, “1.2 s”. */
export function millisecondsText(ms: number): string {
  const [value, unit] = ms < 1_000 ? [ms, 'millisecond'] : [ms / 1_000, 'second'];
  const digits = value < 10 ? 1 : 0;
  const style = { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits } as const;
  return new Intl.NumberFormat(language.value, style).format(value);
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** “3 hr”. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [unit, size] = UNITS.find(([, one]) => seconds >= one) ?? ['second', 1];
  return new Intl.NumberFormat(language.value, { style: 'unit', unit, unitDisplay: 'short' }).format(
    Math.floor(seconds / size),
  );
}
