import { useId, useRef } from 'preact/hooks';
import { text } from '../texts/texts.ts';
import { isSecondClick, useOneAtATime } from './clicks.ts';

interface Props {
  /** Of the button that opens it. */
  label: string;
  /** The id of what says more of it. */
  describedBy?: string;
  /** Where `label` alone does not say of what. */
  name?: string;
  heading: string;
  consequence: string;
  confirm: string;
  /** The dialog closes when it is done. */
  onConfirm: () => Promise<void>;
  buttonClass?: string;
}

/** A button for what cannot be undone: it says what will happen, and waits for a second word. */
export function AskFirst(props: Props) {
  const { label, name, describedBy, heading, consequence, confirm, onConfirm, buttonClass = 'danger' } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const { isRunning, run } = useOneAtATime();
  const id = useId();
  const act = () =>
    run(async () => {
      await onConfirm();
      dialog.current?.close();
    });
  return (
    <>
      <button
        type="button"
        class={buttonClass}
        aria-label={name}
        aria-describedby={describedBy}
        onClick={() => dialog.current?.showModal()}
      >
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={`${id}h`} aria-describedby={`${id}c`}>
        <h2 id={`${id}h`}>{heading}</h2>
        <p id={`${id}c`}>{consequence}</p>
        <div class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            {text('action.cancel')}
          </button>
          <button
            type="button"
            class="danger filled"
            disabled={isRunning}
            onClick={(event) => {
              if (!isSecondClick(event)) void act();
            }}
          >
            {confirm}
          </button>
        </div>
      </dialog>
    </>
  );
}
