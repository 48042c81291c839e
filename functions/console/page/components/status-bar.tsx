import { liveAtMs, liveFailure, stats } from '../state/live.ts';
import { countText, text } from '../texts/texts.ts';
import { clockText } from '../texts/times.ts';

export function StatusBar() {
  const figures = stats.value;
  return (
    <footer class="status-bar">
      <span class={`contact ${contact()}`}>
        <span class="dot" aria-hidden="true" />
        {text(`status.${contact()}`)}
      </span>
      {figures && (
        <>
          <span>{countText('status.connected', figures.connected)}</span>
          <span>{countText('status.gateways', figures.gateways.filter((gateway) => gateway.live).length)}</span>
          <span>{text('status.queue', { n: figures.queue.waiting })}</span>
          {figures.queue.dead > 0 && <span class="bad">{text('status.dead', { n: figures.queue.dead })}</span>}
        </>
      )}
      {liveAtMs.value !== undefined && (
        <span class="updated">{text('status.updated', { time: clockText(liveAtMs.value) })}</span>
      )}
    </footer>
  );
}

function contact(): 'live' | 'retrying' | 'connecting' {
  if (liveFailure.value) return 'retrying';
  return liveAtMs.value === undefined ? 'connecting' : 'live';
}
