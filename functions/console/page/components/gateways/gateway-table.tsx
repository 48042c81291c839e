import type { Gateway } from '../../api/stats.ts';
import { deliveryRates } from '../../state/figures.ts';
import { durationText, numberText, rateText } from '../../texts/numbers.ts';
import { countText, text } from '../../texts/texts.ts';

interface GatewaysProps {
  readonly gateways: readonly Gateway[];
  readonly connected: number;
}

/** All gateways, under a heading with their number. */
export function GatewaysPanel({ gateways, connected }: GatewaysProps) {
  return (
    <section class="card panel" aria-labelledby="gateways-heading">
      <h2 id="gateways-heading">{countText('status.gateways', gateways.length)}</h2>
      {gateways.length === 0 ? (
        <p class="empty">{text('gateways.none')}</p>
      ) : (
        <GatewayTable gateways={gateways} connected={connected} />
      )}
    </section>
  );
}

function GatewayTable({ gateways, connected }: GatewaysProps) {
  const sorted = gateways.toSorted((a, b) => Number(b.live) - Number(a.live) || (a.id < b.id ? -1 : 1));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: where it is too wide it scrolls, by keyboard too
    <section class="table-scroll" aria-label={text('nav.gateways')} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{text('gateways.id')}</th>
            <th scope="col" class="number">
              {text('gateways.clients')}
            </th>
            <th scope="col" class="number">
              {text('gateways.rate')}
            </th>
            <th scope="col" class="number">
              {text('gateways.inbox')}
            </th>
            <th scope="col" class="number">
              {text('gateways.port')}
            </th>
            <th scope="col" class="number">
              {text('gateways.uptime')}
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((gateway) => (
            <Row key={gateway.id} gateway={gateway} connected={connected} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ gateway, connected }: { gateway: Gateway; connected: number }) {
  const { id, live, sessions = 0, inbox = 0, facts } = gateway;
  const startedAt = Number(facts?.started_at);
  return (
    <tr>
      <th scope="row">
        <span class={`contact ${live ? 'live' : 'retrying'}`}>
          <span class="dot" aria-hidden="true" />
          <bdi class="mono">{id}</bdi>
          {!live && <span class="tag">{text('gateways.gone')}</span>}
        </span>
      </th>
      <td class="number">
        <span class="share-cell">
          <span class="share-track" aria-hidden="true">
            <span class="share-fill" style={{ inlineSize: `${connected > 0 ? (sessions / connected) * 100 : 0}%` }} />
          </span>
          {numberText(sessions)}
        </span>
      </td>
      <td class="number">{rateText(deliveryRates.value.get(id) ?? null)}</td>
      <td class="number">{numberText(inbox)}</td>
      <td class="number">{facts?.port ?? '–'}</td>
      <td class="number">{startedAt > 0 ? durationText(Date.now() - startedAt) : '–'}</td>
    </tr>
  );
}
