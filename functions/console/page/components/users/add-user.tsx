import type { TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import { addUser } from '../../api/users.ts';
import { refreshNow } from '../../state/live.ts';
import { goTo } from '../../state/view.ts';
import { failureText } from '../../texts/failures.ts';
import { text } from '../../texts/texts.ts';
import { announce } from '../announcer.tsx';
import { useOneAtATime } from '../clicks.ts';
import { PasswordField } from './password-field.tsx';

/** In the place of a user's detail while nobody is chosen. */
export function AddUser() {
  const [id, setId] = useState('');
  const [password, setPassword] = useState('');
  const [isOperator, setOperator] = useState(false);
  const [trouble, setTrouble] = useState('');
  const { isRunning, run } = useOneAtATime();

  const add = async () => {
    const answer = await addUser({
      phone_number: id,
      ...(password === '' ? {} : { password }),
      ...(isOperator ? { role: 'operator' } : {}),
    });
    setTrouble(answer.ok ? '' : failureText(answer.failure));
    if (!answer.ok) return;
    announce(text('users.added', { user: id }));
    goTo('users', id);
    refreshNow();
  };
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    void run(add);
  };
  return (
    <>
      <p class="muted">{text('users.choose')}</p>
      <h2>{text('users.add')}</h2>
      <form class="stack" onSubmit={submit}>
        <label class="field">
          <span>{text('login.user')}</span>
          <input
            required
            maxLength={128}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            value={id}
            onInput={({ currentTarget }) => setId(currentTarget.value)}
          />
          <span class="muted hint">{text('users.idHint')}</span>
        </label>
        <PasswordField
          label={text('users.password')}
          hint={text('users.passwordHint')}
          value={password}
          onValue={setPassword}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={isOperator}
            onChange={({ currentTarget }) => setOperator(currentTarget.checked)}
          />
          <span>{text('users.asOperator')}</span>
        </label>
        <div role="alert">{trouble && <p class="notice bad">{trouble}</p>}</div>
        <button type="submit" class="primary" aria-disabled={isRunning}>
          {text('users.addConfirm')}
        </button>
      </form>
    </>
  );
}
