import { type Day, day, HOURS, hours } from '../../state/day.ts';
import { deliveredNow } from '../../state/figures.ts';
import { stats } from '../../state/live.ts';
import { millisecondsText, numberText, rateText } from '../../texts/numbers.ts';
import { text } from '../../texts/texts.ts';
import { Chart } from '../chart/chart.tsx';
import { GatewaysPanel } from '../gateways/gateway-table.tsx';
import { Loading } from '../loading.tsx';
import { Tile } from '../tile.tsx';
import { ViewFrame } from '../view-frame.tsx';
import { Verdict } from './verdict.tsx';

/** The first view: how it is, and how it was over the last day. */
export function OverviewView() {
  const figures = stats.value;
  return (
    <ViewFrame heading={text('nav.overview')} tools={<Hours />}>
      {!figures ? (
        <Loading rows={6} />
      ) : (
        <>
          <Verdict />
          <div class="tiles">
            <Tile label={text('gateways.connected')} value={figures.connected} />
            <Tile label={text('gateways.deliveredRate')} value={rateText(deliveredNow())} />
            <Tile label={text('overview.took')} value={tookNow(day.value)} />
            <Tile label={text('queue.waiting')} value={figures.queue.waiting} />
            {figures.users !== undefined && <Tile label={text('gateways.users')} value={figures.users} />}
          </div>
          <Charts />
          <GatewaysPanel gateways={figures.gateways} connected={figures.connected} />
        </>
      )}
    </ViewFrame>
  );
}

function Hours() {
  return (
    <fieldset class="segments">
      <legend class="visually-hidden">{text('overview.hours')}</legend>
      {HOURS.map((one) => (
        <label key={one} class="segment">
          <input
            type="radio"
            name="hours"
            checked={hours.value === one}
            onChange={() => {
              hours.value = one;
            }}
          />
          <span>{text(`overview.hours.${one}`)}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Charts() {
  const known = day.value;
  if (!known) return <Loading rows={4} />;
  const { times, figures } = known;
  const { from, step_s } = figures;
  const common = {
    times,
    span: [from * 1000, (from + times.length * step_s) * 1000] as const,
    // Every step has a value or is a gap of its own.
    gapMs: Number.POSITIVE_INFINITY,
    nothing: text('overview.nothing'),
  };
  return (
    <div class="charts">
      <Chart
        {...common}
        title={text('overview.clients')}
        series={[{ label: text('gateways.all'), values: figures.clients }]}
        format={numberText}
      />
      <Chart
        {...common}
        title={text('gateways.chartRates')}
        series={[{ label: text('gateways.delivered'), values: figures.delivered_per_s }]}
        format={rateText}
      />
      <Chart
        {...common}
        title={text('overview.times')}
        series={[
          { label: text('overview.p50'), values: figures.p50_ms },
          { label: text('overview.p95'), values: figures.p95_ms },
        ]}
        format={millisecondsText}
      />
    </div>
  );
}

function tookNow(known: Day | undefined): string {
  const last = known?.figures.p95_ms.findLast((ms) => ms !== null);
  return last == null ? '–' : millisecondsText(last);
}
