import type { RefObject } from 'preact';
import { stats } from '../../state/live.ts';
import { countText, text } from '../../texts/texts.ts';

interface Props {
  dialog: RefObject<HTMLDialogElement | null>;
  onConfirm: () => Promise<void>;
}

/** Asks before a message goes to everyone: a slip of the keyboard must not reach a whole fleet. */
export function EveryoneDialog({ dialog, onConfirm }: Props) {
  const connected = stats.value?.connected;
  const confirm = () => {
    dialog.current?.close();
    void onConfirm();
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby="everyone-heading"
      aria-describedby="everyone-consequence"
      onKeyDown={(event) => event.stopPropagation()}
    >
      <h2 id="everyone-heading">{text('compose.everyoneHeading')}</h2>
      <p id="everyone-consequence">
        {connected === undefined
          ? text('compose.everyoneConsequence')
          : countText('compose.everyoneConsequenceNow', connected)}
      </p>
      <div class="actions">
        <button type="button" onClick={() => dialog.current?.close()}>
          {text('action.cancel')}
        </button>
        <button type="button" class="danger filled" onClick={confirm}>
          {text('compose.send')}
        </button>
      </div>
    </dialog>
  );
}
