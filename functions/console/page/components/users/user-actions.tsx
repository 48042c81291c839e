import { useState } from 'preact/hooks';
import type { Answer } from '../../api/request.ts';
import {
  disconnectUser,
  type MadeToken,
  makeToken,
  removeUser,
  revokeToken,
  setPassword,
  type UserDetail,
} from '../../api/users.ts';
import { audience, chosen } from '../../state/draft.ts';
import { refreshNow } from '../../state/live.ts';
import { goTo } from '../../state/view.ts';
import { failureText } from '../../texts/failures.ts';
import { text } from '../../texts/texts.ts';
import { announce } from '../announcer.tsx';
import { AskFirst } from '../ask-first.tsx';
import { FormDialog } from '../form-dialog.tsx';
import { Lifetime } from '../lifetime.tsx';
import { ShownOnce } from '../tokens/shown-once.tsx';
import { PasswordField } from './password-field.tsx';

/** What an operator can do with one user. */
export function UserActions({ user }: { user: UserDetail }) {
  const [outcome, setOutcome] = useState<{ tone: 'good' | 'bad'; words: string }>();
  const [made, setMade] = useState<MadeToken>();
  const id = user.phone_number;

  const show = (tone: 'good' | 'bad', words: string) => {
    setOutcome({ tone, words });
    announce(words);
    refreshNow();
  };
  const act = async (call: Promise<Answer<unknown>>, words: string) => {
    const answer = await call;
    show(answer.ok ? 'good' : 'bad', answer.ok ? words : failureText(answer.failure));
    return answer.ok;
  };
  const disconnect = async () => {
    const answer = await disconnectUser(id);
    if (!answer.ok) return show('bad', failureText(answer.failure));
    show('good', text(answer.value.disconnected ? 'users.disconnected' : 'users.wasAway', { user: id }));
  };
  const remove = async () => {
    if (await act(removeUser(id), text('users.removed', { user: id }))) goTo('users');
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
        <GiveToken id={id} onMade={setMade} />
        <NewPassword id={id} onDone={() => show('good', text('users.passwordSet', { user: id }))} />
        {user.online && (
          <AskFirst
            label={text('users.disconnect')}
            heading={text('users.disconnectHeading')}
            consequence={text('users.disconnectConsequence', { user: id })}
            confirm={text('users.disconnect')}
            onConfirm={disconnect}
          />
        )}
        {user.token && (
          <AskFirst
            label={text('users.revoke')}
            heading={text('users.revokeHeading')}
            consequence={text('users.revokeConsequence', { user: id })}
            confirm={text('users.revoke')}
            onConfirm={async () => {
              await act(revokeToken(id), text('users.revoked', { user: id }));
            }}
          />
        )}
        <AskFirst
          label={text('users.remove')}
          heading={text('users.removeHeading')}
          consequence={text('users.removeConsequence', { user: id, n: user.mailbox })}
          confirm={text('users.remove')}
          onConfirm={remove}
        />
      </div>
      {made && <ShownOnce token={made.token} onDone={() => setMade(undefined)} />}
      {outcome && <p class={`notice ${outcome.tone}`}>{outcome.words}</p>}
    </>
  );
}

function GiveToken({ id, onMade }: { id: string; onMade: (made: MadeToken) => void }) {
  const [seconds, setSeconds] = useState<number | undefined>();
  const make = async () => {
    const answer = await makeToken(id, seconds);
    if (!answer.ok) return failureText(answer.failure);
    onMade(answer.value);
    announce(text('tokens.madeNow'));
    refreshNow();
    return undefined;
  };
  return (
    <FormDialog
      label={text('users.makeToken')}
      heading={text('users.makeTokenHeading')}
      lead={text('users.makeTokenLead', { user: id })}
      confirm={text('tokens.create')}
      onConfirm={make}
    >
      <Lifetime seconds={seconds} onSeconds={setSeconds} hasAlways />
    </FormDialog>
  );
}

function NewPassword({ id, onDone }: { id: string; onDone: () => void }) {
  const [password, setTyped] = useState('');
  const set = async () => {
    const answer = await setPassword(id, password);
    if (!answer.ok) return failureText(answer.failure);
    setTyped('');
    onDone();
    return undefined;
  };
  return (
    <FormDialog
      label={text('users.setPassword')}
      heading={text('users.setPasswordHeading')}
      lead={text('users.setPasswordLead', { user: id })}
      confirm={text('users.setPassword')}
      onConfirm={set}
    >
      <PasswordField label={text('users.password')} required value={password} onValue={setTyped} />
    </FormDialog>
  );
}
