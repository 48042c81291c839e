import { useState } from 'preact/hooks';
import { type LetterAction, letters, takeLetters } from '../../state/dead-letters.ts';
import { refreshNow } from '../../state/live.ts';
import { failureText } from '../../texts/failures.ts';
import { countText, text } from '../../texts/texts.ts';
import { announce } from '../announcer.tsx';
import { AskFirst } from '../ask-first.tsx';

/** The same for every letter that is shown, one after the other, with how far it is. */
export function AllLetters() {
  const [progress, setProgress] = useState<{ done: number; of: number }>();
  const [outcome, setOutcome] = useState('');
  const ids = (letters.pages.value?.items ?? []).map(({ id }) => id);

  const take = async (action: LetterAction) => {
    let taken = 0;
    setOutcome('');
    setProgress({ done: 0, of: ids.length });
    const failure = await takeLetters(ids, action, (done) => {
      taken = done;
      setProgress({ done, of: ids.length });
    });
    setProgress(undefined);
    const words = text(action === 'retry' ? 'queue.retried' : 'queue.deleted', { n: taken });
    setOutcome(failure ? `${words} ${failureText(failure)}` : words);
    announce(words);
    refreshNow();
  };

  return (
    <div class="actions">
      {progress && <progress value={progress.done} max={progress.of} aria-label={text('queue.progress')} />}
      {outcome && !progress && <span class="muted">{outcome}</span>}
      {ids.length > 1 && (
        <>
          <AskFirst
            label={text('queue.retryAll')}
            heading={text('queue.retryAllHeading')}
            consequence={countText('queue.retryAllConsequence', ids.length)}
            confirm={text('queue.retryAll')}
            onConfirm={() => take('retry')}
            buttonClass="small"
          />
          <AskFirst
            label={text('queue.deleteAll')}
            heading={text('queue.deleteAllHeading')}
            consequence={countText('queue.deleteAllConsequence', ids.length)}
            confirm={text('queue.deleteAll')}
            onConfirm={() => take('delete')}
            buttonClass="danger small"
          />
        </>
      )}
    </div>
  );
}
