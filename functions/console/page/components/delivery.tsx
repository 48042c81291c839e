import type { Receipt } from '../api/operator.ts';
import { canChange, isAwaited, isOpen, refreshReceipt } from '../state/receipts.ts';
import type { Send } from '../state/sends.ts';
import type { TextKey } from '../texts/table.ts';
import { countText, text } from '../texts/texts.ts';

const STATES = ['routed', 'stored', 'written', 'acknowledged', 'expired', 'failed'] as const;
const LISTED = 200;

/** How far it came with each recipient, where a receipt was asked for. */
export function Delivery({ send }: { send: Send }) {
  if (send.command.receipt !== true || send.state.kind !== 'accepted') return null;
  const { receipt } = send;
  if (!receipt || receipt.recipients.length === 0) {
    return isAwaited(send) && isOpen(send) ? <p class="muted">{text('delivery.waiting')}</p> : null;
  }
  return (
    <div class="delivery">
      <span class="muted">{text('delivery.label')}</span>
      {countStates(receipt).map(([state, n]) => (
        <span key={state} class={`state ${state}`}>
          {stateText(state)} <b>{n}</b>
        </span>
      ))}
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
      <ul>
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
    </details>
  );
}

function countStates(receipt: Receipt): [state: string, n: number][] {
  const counts = new Map<string, number>(STATES.map((state) => [state, 0]));
  for (const { state } of receipt.recipients) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].filter(([, n]) => n > 0);
}

/** A state that the page does not know yet is shown by its own name. */
function stateText(state: string): string {
  const known = STATES.find((one) => one === state);
  return known ? text(`delivery.${known}` satisfies TextKey) : state;
}
