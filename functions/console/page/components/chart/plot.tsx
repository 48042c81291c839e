import { language } from '../../state/preferences.ts';
import { RIGHT_PX, type Series, stretches, timeTicks, valueAxis } from './scale.ts';

const HEIGHT = 180;
const TOP = 8;
const BOTTOM = 24;
const PX_PER_TIME = 96;
const DAY_MS = 86_400_000;

interface Props {
  label: string;
  width: number;
  times: readonly number[];
  series: readonly Series[];
  format: (n: number) => string;
  span: readonly [from: number, to: number];
  gapMs: number;
  /** Of the moment that is pointed at. */
  pointed: number | undefined;
}

export function Plot({ label, width, times, series, format, span: [from, to], gapMs, pointed }: Props) {
  const { ticks, leftPx } = valueAxis(series, format);
  const top = ticks.at(-1) ?? 1;
  const right = width - RIGHT_PX;
  const x = (ms: number) => leftPx + ((ms - from) / Math.max(1, to - from)) * (right - leftPx);
  const y = (value: number) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const pointOf = (at: number, values: Series['values']) =>
    `${x(times[at] ?? 0).toFixed(1)} ${y(values[at] ?? 0).toFixed(1)}`;
  const pathOf = ([first, last]: [number, number], values: Series['values']) =>
    // A value alone between two gaps is a dot.
    `M${Array.from({ length: last - first + 1 }, (_, i) => pointOf(first + i, values)).join('L')}${first === last ? 'h0.01' : ''}`;
  const areaOf = (stretch: [number, number], values: Series['values']) =>
    `${pathOf(stretch, values)}L${x(times[stretch[1]] ?? 0).toFixed(1)} ${y(0)}L${x(times[stretch[0]] ?? 0).toFixed(1)} ${y(0)}Z`;
  const clock = clockOf(to - from);
  const pointedX = pointed === undefined ? undefined : x(times[pointed] ?? 0);
  return (
    <svg width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={label}>
      {ticks.map((tick) => (
        <g key={`v${tick}`} class="chart-axis">
          <line x1={leftPx} x2={right} y1={y(tick)} y2={y(tick)} />
          <text x={leftPx - 8} y={y(tick) + 4} text-anchor="end">
            {format(tick)}
          </text>
        </g>
      ))}
      {timeTicks(from, to, Math.max(1, Math.floor((right - leftPx) / PX_PER_TIME))).map((ms) => (
        <text key={`t${ms}`} class="chart-time" x={x(ms)} y={HEIGHT - 6} text-anchor={anchorAt(x(ms), leftPx, right)}>
          {clock.format(ms)}
        </text>
      ))}
      {series.map(({ label: name, values }, i) => {
        const parts = stretches(times, values, gapMs);
        return (
          <g key={name}>
            {i === 0 &&
              parts.map((part) => <path key={`a${part[0]}`} class="chart-area line-1" d={areaOf(part, values)} />)}
            <path class={`chart-line line-${i + 1}`} d={parts.map((part) => pathOf(part, values)).join('')} />
          </g>
        );
      })}
      {pointed !== undefined && pointedX !== undefined && (
        <g>
          <line class="chart-cursor" x1={pointedX} x2={pointedX} y1={TOP} y2={HEIGHT - BOTTOM} />
          {series.map(({ label: name, values }, i) => {
            const value = values[pointed];
            return value == null ? null : (
              <circle key={name} class={`chart-dot line-${i + 1}`} cx={pointedX} cy={y(value)} r={3.5} />
            );
          })}
        </g>
      )}
    </svg>
  );
}

/** A time at either end does not stick out of the drawing. */
function anchorAt(x: number, left: number, right: number): 'start' | 'middle' | 'end' {
  if (x < left + 20) return 'start';
  return x > right - 20 ? 'end' : 'middle';
}

function clockOf(spanMs: number): Intl.DateTimeFormat {
  const style: Intl.DateTimeFormatOptions =
    spanMs < 600_000
      ? { hour: '2-digit', minute: '2-digit', second: '2-digit' }
      : { hour: '2-digit', minute: '2-digit', ...(spanMs > DAY_MS ? { weekday: 'short' } : {}) };
  return new Intl.DateTimeFormat(language.value, { ...style, hour12: false });
}
