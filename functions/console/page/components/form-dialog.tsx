import type { ComponentChildren, TargetedSubmitEvent } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import { text } from '../texts/texts.ts';
import { isSecondClick, useOneAtATime } from './clicks.ts';

interface Props {
  /** Of the button that opens it. */
  label: string;
  heading: string;
  lead: string;
  confirm: string;
  /** The dialog closes when there is no problem. */
  onConfirm: () => Promise<string | undefined>;
  children: ComponentChildren;
}

/** A button for what needs a word more than yes or no. */
export function FormDialog({ label, heading, lead, confirm, onConfirm, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { isRunning, run } = useOneAtATime();
  const [trouble, setTrouble] = useState<string>();
  const id = useId();
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    void run(async () => {
      const problem = await onConfirm();
      setTrouble(problem);
      if (problem === undefined) dialog.current?.close();
    });
  };
  return (
    <>
      <button type="button" onClick={() => dialog.current?.showModal()}>
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={`${id}h`} aria-describedby={`${id}c`}>
        <form class="stack" onSubmit={submit}>
          <h2 id={`${id}h`}>{heading}</h2>
          <p id={`${id}c`}>{lead}</p>
          {children}
          <div role="alert">{trouble && <p class="notice bad">{trouble}</p>}</div>
          <div class="actions">
            <button type="button" onClick={() => dialog.current?.close()}>
              {text('action.cancel')}
            </button>
            <button
              type="submit"
              class="primary"
              disabled={isRunning}
              onClick={(event) => {
                if (isSecondClick(event)) event.preventDefault();
              }}
            >
              {confirm}
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
