import type { Command } from '../../api/commands.ts';
import { clearSends, type Send, type SendState, sends } from '../../state/sends.ts';
import { text } from '../../texts/texts.ts';
import { clockText } from '../../texts/times.ts';
import { kindText } from '../kinds.ts';
import { Delivery } from './delivery.tsx';
import { Outcome } from './outcome.tsx';

export function Sends() {
  return (
    <section class="card sends" aria-labelledby="sends-heading">
      <div class="card-head">
        <h2 id="sends-heading">{text('sends.heading')}</h2>
        {sends.value.length > 0 && (
          <button type="button" class="quiet small" onClick={clearSends}>
            {text('sends.clear')}
          </button>
        )}
      </div>
      {sends.value.length === 0 ? (
        <p class="empty">{text('sends.none')}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and may hold nothing else that takes the focus
        <ol class="log" aria-labelledby="sends-heading" tabIndex={0}>
          {sends.value.map((send) => (
            <Entry key={send.key} send={send} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Entry({ send }: { send: Send }) {
  return (
    <li class={`send ${toneOf(send.state)}`}>
      <p class="send-head">
        <time dateTime={new Date(send.atMs).toISOString()}>{clockText(send.atMs)}</time>
        <span class="tag">{kindText(send.command.command_id)}</span>
        <bdi class="send-to">{recipientText(send.command)}</bdi>
      </p>
      <p class="send-content" dir="auto">
        {typeof send.command.content === 'string' ? send.command.content : JSON.stringify(send.command.content)}
      </p>
      <Outcome send={send} />
      <Delivery send={send} />
    </li>
  );
}

function recipientText({ chat_to }: Command): string {
  if (chat_to === undefined) return text('sends.to.everyone');
  if (typeof chat_to === 'object' && 'group' in chat_to) return text('sends.to.group', { group: chat_to.group });
  if (typeof chat_to === 'string') return text('sends.to.single', { user: chat_to });
  return text('sends.to.many', { user: chat_to[0] ?? '', n: chat_to.length - 1 });
}

function toneOf(state: SendState): string {
  if (state.kind === 'refused') return 'bad';
  if (state.kind === 'accepted') return (state.sent.recipients.unknown ?? 0) > 0 ? 'warn' : 'good';
  return state.kind === 'sending' ? 'pending' : 'warn';
}
