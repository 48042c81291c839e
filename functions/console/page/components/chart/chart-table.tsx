import { useState } from 'preact/hooks';
import { text } from '../../texts/texts.ts';
import { clockText } from '../../texts/times.ts';
import type { Series } from './scale.ts';

const ROWS = 24;

interface Props {
  title: string;
  times: readonly number[];
  series: readonly Series[];
  formatted: (value: number | null | undefined) => string;
}

/** The values of the chart as they can be read out, the newest first, evenly over the time. */
export function ChartTable({ title, times, series, formatted }: Props) {
  const [isOpen, setOpen] = useState(false);
  const step = Math.max(1, Math.ceil(times.length / ROWS));
  const places = isOpen ? times.map((_, at) => at).filter((at) => (times.length - 1 - at) % step === 0) : [];
  return (
    <details class="chart-table" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        {text('chart.table')}
        <span class="visually-hidden">: {title}</span>
      </summary>
      {isOpen && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: where it is too long it scrolls, by keyboard too
        <section class="table-scroll short" aria-label={title} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{text('chart.time')}</th>
                {series.map(({ label }) => (
                  <th key={label} scope="col" class="number">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {places.toReversed().map((at) => (
                <tr key={at}>
                  <th scope="row">{clockText(times[at] ?? 0)}</th>
                  {series.map(({ label, values }) => (
                    <td key={label} class="number">
                      {formatted(values[at])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  );
}
