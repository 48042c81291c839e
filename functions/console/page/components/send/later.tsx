import { audience, dueAt, isScheduled, replaces } from '../../state/draft.ts';
import { text } from '../../texts/texts.ts';

/** The time of delivery, and the key of the command that it replaces. */
export function Later() {
  if (audience.value === 'everyone') return null;
  return (
    <details open={isScheduled.value || replaces.value !== ''}>
      <summary>{text('compose.later')}</summary>
      <div class="options later">
        <label class="keep">
          <span>{text('compose.dueAt')}</span>
          <input
            type="datetime-local"
            value={dueAt.value}
            aria-describedby="compose-problem"
            onInput={({ currentTarget }) => {
              dueAt.value = currentTarget.value;
            }}
          />
        </label>
        <label class="keep">
          <span>{text('compose.replaces')}</span>
          <input
            class="mono"
            maxLength={128}
            autocomplete="off"
            spellcheck={false}
            value={replaces.value}
            onInput={({ currentTarget }) => {
              replaces.value = currentTarget.value;
            }}
          />
        </label>
        <p class="muted">{text('compose.replacesHint')}</p>
      </div>
    </details>
  );
}
