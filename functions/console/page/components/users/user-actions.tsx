import { useState } from 'preact/hooks';
import type { Answer } from '../../api/request.ts';
import { disconnectUser, revokeToken, type UserDetail } from '../../api/users.ts';
import { audience, chosen } from '../../state/draft.ts';
import { refreshNow } from '../../state/live.ts';
import { goTo } from '../../state/view.ts';
import { failureText } from '../../texts/failures.ts';
import { text } from '../../texts/texts.ts';
import { announce } from '../announcer.tsx';
import { AskFirst } from '../ask-first.tsx';

/** What an operator can do with one user. */
export function UserActions({ user }: { user: UserDetail }) {
  const [outcome, setOutcome] = useState<{ tone: 'good' | 'bad'; words: string }>();
  const id = user.phone_number;

  const act = async (call: Promise<Answer<{ disconnected: boolean }>>, done: 'disconnected' | 'revoked') => {
    const answer = await call;
    const words = answer.ok
      ? text(done === 'disconnected' && !answer.value.disconnected ? 'users.wasAway' : `users.${done}`, { user: id })
      : failureText(answer.failure);
    setOutcome({ tone: answer.ok ? 'good' : 'bad', words });
    announce(words);
    refreshNow();
  };
  const write = () => {
    audience.value = 'chosen';
    chosen.value = new Set([id]);
    goTo('send');
  };

  return (
    <>
      <div class="actions start">
        <button type="button" class="primary" onClick={write}>
          {text('users.write')}
        </button>
        {user.online && (
          <AskFirst
            label={text('users.disconnect')}
            heading={text('users.disconnectHeading')}
            consequence={text('users.disconnectConsequence', { user: id })}
            confirm={text('users.disconnect')}
            onConfirm={() => act(disconnectUser(id), 'disconnected')}
          />
        )}
        {user.token && (
          <AskFirst
            label={text('users.revoke')}
            heading={text('users.revokeHeading')}
            consequence={text('users.revokeConsequence', { user: id })}
            confirm={text('users.revoke')}
            onConfirm={() => act(revokeToken(id), 'revoked')}
          />
        )}
      </div>
      {outcome && <p class={`notice ${outcome.tone}`}>{outcome.words}</p>}
    </>
  );
}
