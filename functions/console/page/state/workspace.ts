import { effect, untracked } from '@preact/signals';
import { clearDraft } from './draft.ts';
import { forgetSends } from './sends.ts';
import { loginNotice, session } from './session.ts';

/**
 * The draft and the log outlive a session that ended by itself, for the same user: nothing written is lost. Who logs
 * out, or another user who logs in at this tab, finds it empty.
 */
export function startWorkspace(): void {
  let owner: string | undefined;
  effect(() => {
    const userId = session.value?.userId;
    const notice = loginNotice.value?.kind;
    const hasLeft = notice === 'logged-out' || notice === 'logged-out-here';
    const isAnother = userId !== undefined && owner !== undefined && userId !== owner;
    if (hasLeft || isAnother) untracked(empty);
    owner = userId ?? owner;
  });
}

function empty(): void {
  clearDraft();
  forgetSends();
}
