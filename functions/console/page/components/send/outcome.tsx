import { canChange, countsOf, refreshReceipt } from '../../state/receipts.ts';
import { replyOf, retrySend, type Send } from '../../state/sends.ts';
import { failureText } from '../../texts/failures.ts';
import { countText, text } from '../../texts/texts.ts';
import { useCountdown } from '../countdown.ts';
import { TakeBack } from '../history/take-back.tsx';

/** What the API made of it. */
export function Outcome({ send }: { send: Send }) {
  const { state } = send;
  if (state.kind === 'sending') {
    const { timeout_s: n } = send.command;
    return <p class="muted">{n === undefined ? text('send.sending') : text('send.asking', { n })}</p>;
  }
  if (state.kind === 'no-reply') return <p class="outcome-text">{text('send.noReply', { reason: state.message })}</p>;
  if (state.kind === 'refused') return <p class="outcome-text">{text('send.refused', { reason: state.message })}</p>;
  if (state.kind === 'unanswered') {
    return (
      <div class="outcome">
        <p class="outcome-text">{text('send.unanswered', { reason: failureText(state.failure) })}</p>
        <Retry sendKey={send.key} atMs={state.retryAtMs} />
      </div>
    );
  }
  const { online = 0, stored = 0, unknown = 0, scheduled = 0, members = 0 } = state.sent.recipients;
  return (
    <>
      <div class="outcome">
        {online > 0 && <span class="result good">{text('send.online', { n: online })}</span>}
        {stored > 0 && <span class="result warn">{text('send.stored', { n: stored })}</span>}
        {unknown > 0 && <span class="result bad">{text('send.unknown', { n: unknown })}</span>}
        {scheduled > 0 && <span class="result good">{text('send.scheduled', { n: scheduled })}</span>}
        {members > 0 && <span class="result good">{countText('send.members', members)}</span>}
        {online + stored + unknown + scheduled + members === 0 && <span class="result">{text('send.nobody')}</span>}
        <TakeBack id={state.sent.id} waiting={waitingOf(send)} onDone={() => void refreshReceipt(send)} />
      </div>
      <Reply send={send} />
    </>
  );
}

/** Recipients from whom it can still be taken back, as far as is known. */
function waitingOf({ state, receipt }: Send): number {
  if (state.kind !== 'accepted') return 0;
  const { stored = 0, scheduled = 0 } = receipt ? countsOf(receipt) : state.sent.recipients;
  return stored + scheduled;
}

/** What the device replied, as it came. */
function Reply({ send }: { send: Send }) {
  const reply = replyOf(send);
  if (send.command.wait === undefined) return null;
  if (!reply) return canChange(send) ? <p class="muted">{text('send.replyPending')}</p> : null;
  return (
    <section aria-label={text('send.reply')}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long reply scrolls */}
      <pre class="reply mono" tabIndex={0}>
        {JSON.stringify(reply.value, null, 2)}
      </pre>
    </section>
  );
}

function Retry({ sendKey, atMs }: { sendKey: string; atMs: number }) {
  const waitSeconds = useCountdown(atMs);
  return (
    <button type="button" disabled={waitSeconds > 0} onClick={() => void retrySend(sendKey)}>
      {waitSeconds > 0 ? text('send.retryIn', { n: waitSeconds }) : text('send.retry')}
    </button>
  );
}
