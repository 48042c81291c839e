import { useId, useState } from 'preact/hooks';
import type { DeadLetter } from '../../api/dead-letters.ts';
import { type LetterAction, takeLetters } from '../../state/dead-letters.ts';
import { refreshNow } from '../../state/live.ts';
import { failureText } from '../../texts/failures.ts';
import { countText, text } from '../../texts/texts.ts';
import { clockText } from '../../texts/times.ts';
import { announce } from '../announcer.tsx';
import { AskFirst } from '../ask-first.tsx';
import { isSecondClick, useOneAtATime } from '../clicks.ts';

export function Letter({ letter }: { letter: DeadLetter }) {
  const [trouble, setTrouble] = useState('');
  const { isRunning, run } = useOneAtATime();
  const headId = useId();
  const name = letter.reason ?? text('queue.noReason');

  const take = (action: LetterAction) =>
    run(async () => {
      const failure = await takeLetters([letter.id], action, () => undefined);
      setTrouble(failure ? failureText(failure) : '');
      announce(failure ? failureText(failure) : text(action === 'retry' ? 'queue.retried' : 'queue.deleted', { n: 1 }));
      refreshNow();
    });

  return (
    <li class="row letter">
      <p class="letter-head" id={headId}>
        <span class="result bad">{name}</span>
        {letter.at !== null && <time dateTime={new Date(letter.at).toISOString()}>{clockText(letter.at)}</time>}
        <span class="muted">{countText('compose.bytes', letter.bytes)}</span>
        {letter.encoding === 'latin1' && <span class="tag">{text('queue.latin1')}</span>}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long entry scrolls, by keyboard too */}
      <pre class="entry" dir="ltr" tabIndex={0}>
        {letter.entry}
        {letter.bytes > 4_096 && '…'}
      </pre>
      {letter.chat_to && (
        <p>
          {text('queue.unknown')} <bdi class="mono">{letter.chat_to.join(', ')}</bdi>
        </p>
      )}
      <div class="actions start">
        <button
          type="button"
          class="small"
          aria-describedby={headId}
          disabled={isRunning}
          onClick={(event) => {
            if (!isSecondClick(event)) void take('retry');
          }}
        >
          {text('queue.retry')}
        </button>
        <AskFirst
          label={text('queue.delete')}
          heading={text('queue.deleteHeading')}
          consequence={text('queue.deleteConsequence')}
          confirm={text('queue.delete')}
          onConfirm={() => take('delete')}
          buttonClass="danger small"
          describedBy={headId}
        />
        {trouble && <span class="bad-ink">{trouble}</span>}
      </div>
    </li>
  );
}
