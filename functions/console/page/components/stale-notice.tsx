import { liveAtMs, liveFailure, refreshNow } from '../state/live.ts';
import { failureText } from '../texts/failures.ts';
import { text } from '../texts/texts.ts';
import { clockText } from '../texts/times.ts';

/** Says that the shown data is no longer live, and why. */
export function StaleNotice() {
  const failure = liveFailure.value;
  return (
    <div role="alert" class="stale">
      {failure && (
        <div class="notice warn">
          <p>
            {failureText(failure)}{' '}
            {liveAtMs.value !== undefined && text('failure.shownIsOld', { time: clockText(liveAtMs.value) })}
          </p>
          <button type="button" onClick={refreshNow}>
            {text('failure.retryNow')}
          </button>
        </div>
      )}
    </div>
  );
}
