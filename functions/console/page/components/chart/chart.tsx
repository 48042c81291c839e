import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { language, theme } from '../../state/preferences.ts';
import { text } from '../../texts/texts.ts';
import { clockText } from '../../texts/times.ts';
import { drawChart } from './draw.ts';

export interface Series {
  label: string;
  /** One per time; null: not known. */
  values: readonly (number | null)[];
}

interface Props {
  title: string;
  /** Unix milliseconds. */
  times: readonly number[];
  /** At most seven: there are as many colours. */
  series: readonly Series[];
  format: (n: number) => string;
}

/**
 * Lines over time. The legend tells the values of now, or of the moment that is pointed at; a screen reader is told the
 * same as a sentence, and nothing of it while it moves.
 */
export function Chart({ title, times, series, format }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [pointedAt, setPointedAt] = useState<number>();
  const labels = series.map(({ label }) => label).join('\n');
  const appearance = `${theme.value} ${language.value}`;
  const data: uPlot.AlignedData = [times.map((ms) => ms / 1000), ...series.map(({ values }) => [...values])];

  // Other lines, colours or another language are another drawing.
  useEffect(() => {
    if (!box.current) return;
    const drawing = drawChart(box.current, { lines: series.length, data, format, onPoint: setPointedAt });
    plot.current = drawing.plot;
    return () => {
      plot.current = undefined;
      drawing.remove();
    };
  }, [labels, appearance]);
  useEffect(() => plot.current?.setData(data), [times.length, times.at(-1)]);

  const at = pointedAt !== undefined && pointedAt < times.length ? pointedAt : times.length - 1;
  const valueAt = (values: Series['values']) => {
    const value = values[at];
    return value === null || value === undefined ? '–' : format(value);
  };
  return (
    <figure class="card panel chart">
      <figcaption class="chart-head">
        <h2>{title}</h2>
        <span class="muted">
          {pointedAt !== undefined && times[at] !== undefined ? clockText(times[at]) : text('chart.now')}
        </span>
      </figcaption>
      <ul class="legend">
        {series.map(({ label, values }, i) => (
          <li key={label}>
            <span class={`swatch line-${i + 1}`} aria-hidden="true" />
            <bdi class="muted">{label}</bdi> <b>{valueAt(values)}</b>
          </li>
        ))}
      </ul>
      <div class="chart-box" ref={box} aria-hidden="true" />
      {times.length < 2 && <p class="chart-wait muted">{text('chart.gathering')}</p>}
    </figure>
  );
}
