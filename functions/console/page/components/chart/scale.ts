export interface Series {
  label: string;
  /** One per time; null: not known. */
  values: readonly (number | null)[];
}

/** Space beside the lines, px. On the left it is for the numbers, which may be long. */
export const RIGHT_PX = 16;
const MIN_LEFT_PX = 48;
const PX_PER_CHARACTER = 7.5;

/** The marks of the value axis, and the space that their texts take, px. */
export function valueAxis(series: readonly Series[], format: (n: number) => string) {
  const highest = series.reduce((top, { values }) => values.reduce<number>((a, b) => Math.max(a, b ?? 0), top), 0);
  const ticks = valueTicks(highest);
  const longest = ticks.reduce((max, tick) => Math.max(max, format(tick).length), 0);
  return { ticks, leftPx: Math.max(MIN_LEFT_PX, Math.ceil(longest * PX_PER_CHARACTER) + 12) };
}

/** The scale does not jump about while there is next to nothing. */
const MIN_TOP = 4;
const LINES = 4;
/** Seconds between two marks of the time axis. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];

/** Round values from 0 up to at least `max`, about four of them. */
function valueTicks(max: number): number[] {
  const rough = Math.max(max, MIN_TOP) / LINES;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10) * power;
  const count = Math.ceil((Math.max(max, MIN_TOP) / step) * 0.999);
  return Array.from({ length: count + 1 }, (_, i) => i * step);
}

/** Round times of the clock on the wall between two moments (ms), at most `most`. */
export function timeTicks(fromMs: number, toMs: number, maxTicks: number): number[] {
  const spanSeconds = (toMs - fromMs) / 1000;
  const stepMs = (TIME_STEPS.find((one) => spanSeconds / one <= maxTicks) ?? 86_400) * 1000;
  // Three o'clock is round where the reader is, not in Greenwich.
  const shiftMs = new Date(fromMs).getTimezoneOffset() * 60_000;
  const first = Math.ceil((fromMs - shiftMs) / stepMs) * stepMs + shiftMs;
  const ticks: number[] = [];
  for (let at = first; at <= toMs; at += stepMs) ticks.push(at);
  return ticks;
}

/** Stretches without a gap, as places in the list: a line is not drawn over missing values. */
export function stretches(
  times: readonly number[],
  values: readonly (number | null)[],
  gapMs: number,
): [from: number, to: number][] {
  const found: [number, number][] = [];
  let from: number | undefined;
  for (let at = 0; at < times.length; at += 1) {
    const isKnown = values[at] !== null && values[at] !== undefined;
    const isFar = at > 0 && (times[at] ?? 0) - (times[at - 1] ?? 0) > gapMs;
    if (from !== undefined && (!isKnown || isFar)) {
      found.push([from, at - 1]);
      from = undefined;
    }
    if (isKnown && from === undefined) from = at;
  }
  if (from !== undefined) found.push([from, times.length - 1]);
  return found;
}
