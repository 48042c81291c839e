import { applicationId } from '../../state/draft.ts';
import { text } from '../../texts/texts.ts';

/** The number by which a device's program knows what to do with the object below. */
export function ComposeApplication({ isWrong }: { isWrong: boolean }) {
  return (
    <label class="keep">
      <span>{text('compose.applicationId')}</span>
      <input
        class="number-field mono"
        inputMode="numeric"
        maxLength={4}
        aria-invalid={isWrong}
        aria-describedby="compose-problem"
        value={applicationId.value}
        onInput={({ currentTarget }) => {
          applicationId.value = currentTarget.value;
        }}
      />
      <span class="muted">{text('compose.applicationHint')}</span>
    </label>
  );
}
