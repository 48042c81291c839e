import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { text } from '../../texts/texts.ts';
import { clockText } from '../../texts/times.ts';
import { ChartTable } from './chart-table.tsx';
import { Plot } from './plot.tsx';
import { RIGHT_PX, type Series, valueAxis } from './scale.ts';

interface Props {
  title: string;
  /** Unix milliseconds, ascending. */
  times: readonly number[];
  /** At most seven: there are as many colours. */
  series: readonly Series[];
  format: (n: number) => string;
  /** The time that the axis spans, ms; undefined: that of the values. */
  span?: readonly [from: number, to: number];
  /** Values that lie further apart have a gap between them, ms. */
  gapMs: number;
  /** In the place of the lines while nothing is known. */
  nothing?: string;
}

/** The moment that is pointed at: charts that stand together show one moment together. */
const pointedMs = signal<number | undefined>(undefined);

/**
 * Lines over time. The legend tells the values of now, or of the moment that is pointed at. Whoever does not see the drawing has
 * its sense in a sentence, and the values as a table.
 */
export function Chart({ title, times, series, format, span, gapMs, nothing }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!box.current) return;
    const resized = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    resized.observe(box.current);
    return () => resized.disconnect();
  }, []);
  const isKnown = series.some(({ values }) => values.some((value) => value !== null));
  const pointed = pointedMs.value === undefined ? undefined : nearest(times, pointedMs.value);
  const at = pointed ?? times.length - 1;
  const atMs = times[at];
  const formatted = (value: number | null | undefined) => (value == null ? '–' : format(value));
  return (
    <figure class="card panel chart">
      <figcaption class="chart-head">
        <h2>{title}</h2>
        <span class="muted">{pointed !== undefined && atMs !== undefined ? clockText(atMs) : text('chart.now')}</span>
      </figcaption>
      <ul class="legend">
        {series.map(({ label, values }, i) => (
          <li key={label}>
            <span class={`swatch line-${i + 1}`} aria-hidden="true" />
            <bdi class="muted">{label}</bdi> <b>{formatted(values[at])}</b>
          </li>
        ))}
      </ul>
      <div
        class="chart-box"
        ref={box}
        onPointerMove={(event) => {
          const place = (event.clientX - event.currentTarget.getBoundingClientRect().left) / Math.max(1, width);
          pointedMs.value = timeAt(place, width, valueAxis(series, format).leftPx, times, span);
        }}
        onPointerLeave={() => {
          pointedMs.value = undefined;
        }}
      >
        {width > 0 && isKnown && (
          <Plot
            label={summary(title, series, formatted)}
            width={width}
            times={times}
            series={series}
            format={format}
            span={span ?? [times[0] ?? 0, times.at(-1) ?? 0]}
            gapMs={gapMs}
            pointed={pointed}
          />
        )}
        {!isKnown && <p class="chart-wait muted">{nothing ?? text('chart.gathering')}</p>}
      </div>
      <ChartTable title={title} times={times} series={series} formatted={formatted} />
    </figure>
  );
}

function timeAt(
  place: number,
  width: number,
  leftPx: number,
  times: readonly number[],
  span: readonly [number, number] | undefined,
): number {
  const [from, to] = span ?? [times[0] ?? 0, times.at(-1) ?? 0];
  const share = (place * width - leftPx) / Math.max(1, width - leftPx - RIGHT_PX);
  return from + Math.min(1, Math.max(0, share)) * (to - from);
}

function nearest(times: readonly number[], ms: number): number | undefined {
  let best: number | undefined;
  for (const [at, time] of times.entries()) {
    if (best === undefined || Math.abs(time - ms) < Math.abs((times[best] ?? 0) - ms)) best = at;
  }
  return best;
}

/** “Connections. All gateways: now 3, from 1 to 9.” */
function summary(title: string, series: readonly Series[], formatted: (value: number | null | undefined) => string) {
  const sentences = series.map(({ label, values }) => {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return text('chart.unknown', { label });
    const lowest = known.reduce((a, b) => Math.min(a, b));
    const highest = known.reduce((a, b) => Math.max(a, b));
    return text('chart.summary', {
      label,
      now: formatted(values.at(-1)),
      lowest: formatted(lowest),
      highest: formatted(highest),
    });
  });
  return [title, ...sentences].join('. ');
}
