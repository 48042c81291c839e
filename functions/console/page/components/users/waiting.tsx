import { useState } from 'preact/hooks';
import { clearMessages, deleteMessage, listMessages, type UserDetail, type WaitingMessage } from '../../api/users.ts';
import { refreshNow } from '../../state/live.ts';
import { failureText } from '../../texts/failures.ts';
import { countText, text } from '../../texts/texts.ts';
import { clockText } from '../../texts/times.ts';
import { announce } from '../announcer.tsx';
import { AskFirst } from '../ask-first.tsx';
import { useOneAtATime } from '../clicks.ts';
import { kindText } from '../kinds.ts';

/** The heads of the waiting messages, never their contents. */
export function Waiting({ user }: { user: UserDetail }) {
  const [more, setMore] = useState<readonly WaitingMessage[]>([]);
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const [trouble, setTrouble] = useState<string>();
  const { isRunning, run } = useOneAtATime();
  const id = user.phone_number;
  const last = user.messages.at(-1);
  // The first ones are live; those behind them are as they were when they were asked for.
  const behind = last ? more.filter((message) => Number(message.id) > Number(last.id)) : [];
  const messages = [...user.messages, ...behind].filter((message) => !gone.has(message.id));
  const left = Math.max(0, user.mailbox - user.messages.length - behind.length);

  const readMore = async () => {
    const answer = await listMessages(id, messages.at(-1)?.id);
    setTrouble(answer.ok ? undefined : failureText(answer.failure));
    if (answer.ok) setMore([...behind, ...answer.value.messages]);
  };
  const remove = async (message: WaitingMessage) => {
    const answer = await deleteMessage(id, message.id);
    setTrouble(answer.ok ? undefined : failureText(answer.failure));
    if (answer.ok) {
      setGone(new Set([...gone, message.id]));
      announce(text('users.messageDeleted'));
    }
    refreshNow();
  };
  const clear = async () => {
    const answer = await clearMessages(id);
    const words = answer.ok ? countText('users.cleared', answer.value.deleted) : failureText(answer.failure);
    setTrouble(answer.ok ? undefined : words);
    announce(words);
    refreshNow();
  };
  if (user.mailbox === 0) return null;
  return (
    <>
      <div class="head-line">
        <h3>{text('users.messages')}</h3>
        <AskFirst
          label={text('users.clear')}
          heading={text('users.clearHeading')}
          consequence={countText('users.clearConsequence', user.mailbox)}
          confirm={text('users.clear')}
          onConfirm={clear}
          buttonClass="danger small"
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <ul class="rows short" aria-label={text('users.messages')} tabIndex={0}>
        {messages.map((message) => (
          <li key={message.id} class="row waiting-row">
            <span class="tag">{kindText(message.command_id)}</span>
            <bdi class="mono muted">{message.id}</bdi>
            <time dateTime={new Date(message.sent_at).toISOString()}>{clockText(message.sent_at)}</time>
            {message.expires_at !== null && (
              <span class="muted">{text('users.expires', { time: clockText(message.expires_at) })}</span>
            )}
            <AskFirst
              label={text('users.deleteMessage')}
              name={text('users.deleteOne', { id: message.id })}
              heading={text('users.deleteHeading')}
              consequence={text('users.deleteConsequence')}
              confirm={text('users.deleteMessage')}
              onConfirm={() => remove(message)}
              buttonClass="quiet small"
            />
          </li>
        ))}
      </ul>
      {left > 0 && (
        <button type="button" class="more" aria-disabled={isRunning} onClick={() => void run(readMore)}>
          {text('users.moreWaiting', { n: left })}
        </button>
      )}
      {trouble && (
        <p class="notice bad" role="alert">
          {trouble}
        </p>
      )}
    </>
  );
}
