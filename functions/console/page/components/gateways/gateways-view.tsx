import { deliveredNow, deliveryRates, SAMPLE_GAP_MS, samples } from '../../state/figures.ts';
import { stats } from '../../state/live.ts';
import { numberText, rateText } from '../../texts/numbers.ts';
import { text } from '../../texts/texts.ts';
import { Chart } from '../chart/chart.tsx';
import { Loading } from '../loading.tsx';
import { Tile } from '../tile.tsx';
import { ViewFrame } from '../view-frame.tsx';
import { GatewaysPanel } from './gateway-table.tsx';

/** Above this many, a line for each gateway is a tangle: then there is only their sum. */
const MAX_LINES = 6;

export function GatewaysView() {
  const figures = stats.value;
  return (
    <ViewFrame heading={text('nav.gateways')}>
      {!figures ? (
        <Loading rows={6} />
      ) : (
        <>
          <div class="tiles">
            <Tile label={text('gateways.connected')} value={figures.connected} />
            <Tile label={text('gateways.live')} value={figures.gateways.filter(({ live }) => live).length} />
            <Tile label={text('gateways.deliveredRate')} value={rateText(deliveredNow())} />
            {figures.users !== undefined && <Tile label={text('gateways.users')} value={figures.users} />}
          </div>
          <div class="charts">
            <Connections />
            <Rates />
          </div>
          <GatewaysPanel gateways={figures.gateways} connected={figures.connected} />
        </>
      )}
    </ViewFrame>
  );
}

function Connections() {
  const shown = samples.value;
  const ids = [...(shown.at(-1)?.gateways.keys() ?? [])].sort();
  const lines = ids.length > 1 && ids.length <= MAX_LINES ? ids : [];
  return (
    <Chart
      title={text('gateways.chartConnected')}
      times={shown.map(({ atMs }) => atMs)}
      series={[
        { label: text('gateways.all'), values: shown.map(({ connected }) => connected) },
        ...lines.map((id) => ({ label: id, values: shown.map(({ gateways }) => gateways.get(id) ?? null) })),
      ]}
      format={numberText}
      gapMs={SAMPLE_GAP_MS}
    />
  );
}

function Rates() {
  const shown = samples.value;
  const { size } = deliveryRates.value;
  return (
    <Chart
      title={text('gateways.chartRates')}
      times={shown.map(({ atMs }) => atMs)}
      series={[
        ...(size > 0 ? [{ label: text('gateways.delivered'), values: shown.map(({ delivered }) => delivered) }] : []),
        { label: text('gateways.acknowledged'), values: shown.map(({ acknowledged }) => acknowledged) },
        { label: text('gateways.stored'), values: shown.map(({ stored }) => stored) },
      ]}
      format={rateText}
      gapMs={SAMPLE_GAP_MS}
    />
  );
}
