import { hasMoreRecipients, type Receipt } from '../../api/commands.ts';
import { canChange, countsOf, isAwaited, isOpen, refreshReceipt, sumOf } from '../../state/receipts.ts';
import type { Send } from '../../state/sends.ts';
import { countText, text } from '../../texts/texts.ts';
import { StateBar, StateCounts, stateText } from '../states.tsx';

const LISTED = 200;

/** How far it came with each recipient, where a receipt was asked for. */
export function Delivery({ send }: { send: Send }) {
  if (send.command.receipt !== true || send.state.kind !== 'accepted') return null;
  const { receipt } = send;
  if (!receipt || sumOf(countsOf(receipt)) === 0) {
    return isAwaited(send) && isOpen(send) ? <p class="muted">{text('delivery.waiting')}</p> : null;
  }
  const counts = countsOf(receipt);
  return (
    <div class="delivery">
      <StateBar counts={counts} total={Math.max(sumOf(counts), sumOf(send.state.sent.recipients))} />
      <span class="muted">{text('delivery.label')}</span>
      <StateCounts counts={counts} />
      {hasMoreRecipients(receipt) && <span class="muted">{text('delivery.first', { n: sumOf(counts) })}</span>}
      {!isOpen(send) && canChange(send) && (
        <button type="button" class="quiet small" onClick={() => void refreshReceipt(send)}>
          {text('delivery.refresh')}
        </button>
      )}
      {hasDetails(receipt) && <Details receipt={receipt} />}
    </div>
  );
}

/** Of one recipient the states above say all. */
function hasDetails({ recipients }: Receipt): boolean {
  return recipients.length > 1 || recipients.some(({ reason }) => reason);
}

function Details({ receipt }: { receipt: Receipt }) {
  return (
    <details>
      <summary>{countText('delivery.details', receipt.recipients.length)}</summary>
      <RecipientStates receipt={receipt} />
    </details>
  );
}

export function RecipientStates({ receipt }: { receipt: Receipt }) {
  return (
    <ul class="recipient-states">
      {receipt.recipients.slice(0, LISTED).map((one) => (
        <li key={one.phone_number}>
          <bdi>{one.phone_number}</bdi> <span class={`state ${one.state}`}>{stateText(one.state)}</span>
          {one.reason && <span class="muted"> {one.reason}</span>}
        </li>
      ))}
      {receipt.recipients.length > LISTED && (
        <li class="muted">{text('delivery.more', { n: receipt.recipients.length - LISTED })}</li>
      )}
    </ul>
  );
}
