import type { RefObject, TargetedMouseEvent } from 'preact';
import { audience, group } from '../../state/draft.ts';
import { countText, text } from '../../texts/texts.ts';
import { isSecondClick } from '../clicks.ts';

interface Props {
  dialog: RefObject<HTMLDialogElement | null>;
  /** Clients that get it; undefined: not known. */
  reached: number | undefined;
  onConfirm: () => Promise<void>;
}

/** Asks before a message goes to everyone, or to a group: a slip of the keyboard must not reach a whole fleet. */
export function ManyDialog({ dialog, reached, onConfirm }: Props) {
  const isGroup = audience.value === 'group';
  const confirm = (event: TargetedMouseEvent<HTMLButtonElement>) => {
    if (isSecondClick(event)) return;
    dialog.current?.close();
    void onConfirm();
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby="many-heading"
      aria-describedby="many-consequence"
      onKeyDown={(event) => event.stopPropagation()}
    >
      <h2 id="many-heading">{text(isGroup ? 'compose.groupHeading' : 'compose.everyoneHeading')}</h2>
      <p id="many-consequence">{isGroup ? groupWords(reached) : everyoneWords(reached)}</p>
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

function everyoneWords(reached: number | undefined): string {
  return reached === undefined
    ? text('compose.everyoneConsequence')
    : countText('compose.everyoneConsequenceNow', reached);
}

function groupWords(members: number | undefined): string {
  const name = group.value.trim();
  if (members === undefined) return text('compose.groupConsequence', { group: name });
  return text('compose.groupConsequenceNow', { group: name, members: countText('groups.size', members) });
}
