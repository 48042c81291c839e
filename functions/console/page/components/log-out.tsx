import { useRef } from 'preact/hooks';
import { logOut } from '../state/session.ts';
import { text } from '../texts/texts.ts';
import { isSecondClick, useOneAtATime } from './clicks.ts';

/** Asks first: to log out also closes this user's own TCP connection. */
export function LogOut({ userId }: { userId: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { isRunning, run } = useOneAtATime();
  return (
    <>
      <bdi class="account" title={userId}>
        {userId}
      </bdi>
      <button type="button" class="quiet" onClick={() => dialog.current?.showModal()}>
        {text('logout.open')}
      </button>
      <dialog ref={dialog} aria-labelledby="logout-heading" aria-describedby="logout-consequence">
        <h2 id="logout-heading">{text('logout.heading')}</h2>
        <p id="logout-consequence">{text('logout.consequence', { user: userId })}</p>
        <div class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            {text('logout.cancel')}
          </button>
          <button
            type="button"
            class="primary"
            disabled={isRunning}
            onClick={(event) => {
              if (!isSecondClick(event)) void run(logOut);
            }}
          >
            {text(isRunning ? 'logout.confirming' : 'logout.confirm')}
          </button>
        </div>
      </dialog>
    </>
  );
}
