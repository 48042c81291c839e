import { language } from '../state/preferences.ts';

/** The time of day, with the date when that is not today. */
export function clockText(atMs: number): string {
  const at = new Date(atMs);
  const isToday = at.toDateString() === new Date().toDateString();
  const style: Intl.DateTimeFormatOptions = isToday
    ? { timeStyle: 'medium' }
    : { dateStyle: 'medium', timeStyle: 'short' };
  return new Intl.DateTimeFormat(language.value, { ...style, hour12: false }).format(at);
}

const STEPS: [limit: number, unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  [60, 'second', 1],
  [3_600, 'minute', 60],
  [86_400, 'hour', 3_600],
  [Number.POSITIVE_INFINITY, 'day', 86_400],
];

/** “3 minutes ago”. */
export function agoText(atMs: number): string {
  const seconds = Math.max(0, (Date.now() - atMs) / 1000);
  const format = new Intl.RelativeTimeFormat(language.value, { numeric: 'auto', style: 'short' });
  const [, unit, size] = STEPS.find(([limit]) => seconds < limit) ?? ['', 'day', 86_400];
  return format.format(-Math.floor(seconds / size), unit as Intl.RelativeTimeFormatUnit);
}
