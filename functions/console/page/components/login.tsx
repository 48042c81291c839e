import type { TargetedSubmitEvent } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Failure } from '../api/request.ts';
import { type LoginNotice, logIn, loginNotice } from '../state/session.ts';
import { failureText } from '../texts/failures.ts';
import { countText, text } from '../texts/texts.ts';
import { clockText } from '../texts/times.ts';
import { useOneAtATime } from './clicks.ts';
import { useCountdown } from './countdown.ts';

export function Login() {
  const [userId, setUserId] = useState('');
  const [password, setPassword] = useState('');
  const { isRunning, run } = useOneAtATime();
  const [trouble, setTrouble] = useState<Failure | 'missing'>();
  const [retryAtMs, setRetryAtMs] = useState(0);
  const waitSeconds = useCountdown(retryAtMs);
  const first = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => first.current?.focus(), []);

  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (isRunning || waitSeconds > 0) return;
    loginNotice.value = undefined;
    if (userId === '' || password === '') {
      setTrouble('missing');
      return;
    }
    void run(async () => {
      const failure = await logIn(userId, password);
      setTrouble(failure?.kind === 'forbidden' ? undefined : failure);
      if (failure?.kind === 'throttled') setRetryAtMs(Date.now() + failure.retryAfterSeconds * 1000);
    });
  };

  return (
    <form class="card login" onSubmit={submit} noValidate>
      <h1>{text('login.heading')}</h1>
      <p class="lead">{text('login.lead')}</p>
      <div role="alert">
        {loginNotice.value && <p class={`notice ${noticeTone(loginNotice.value)}`}>{noticeText(loginNotice.value)}</p>}
        {trouble && <p class="notice bad">{troubleText(trouble)}</p>}
      </div>
      {waitSeconds > 0 && <p class="notice">{countText('failure.wait', waitSeconds)}</p>}
      <label class="field">
        <span>{text('login.user')}</span>
        <input
          ref={first}
          name="username"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
          maxLength={128}
          value={userId}
          onInput={({ currentTarget }) => setUserId(currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>{text('login.password')}</span>
        <input
          type="password"
          name="password"
          autocomplete="current-password"
          required
          value={password}
          onInput={({ currentTarget }) => setPassword(currentTarget.value)}
        />
      </label>
      <button type="submit" class="primary wide" aria-disabled={isRunning || waitSeconds > 0}>
        {text(isRunning ? 'login.submitting' : 'login.submit')}
      </button>
    </form>
  );
}

function troubleText(trouble: Failure | 'missing'): string {
  if (trouble === 'missing') return text('login.missing');
  return trouble.kind === 'unauthorized' ? text('login.wrong') : failureText(trouble);
}

function noticeTone(notice: LoginNotice): string {
  return notice.kind === 'logged-out' ? 'good' : notice.kind === 'not-operator' ? 'bad' : 'warn';
}

function noticeText(notice: LoginNotice): string {
  if (notice.kind === 'not-operator') return text('login.notOperator', { user: notice.userId });
  if (notice.kind === 'expired') return text('login.expired', { time: clockText(notice.atMs) });
  if (notice.kind === 'revoked') return text('login.revoked');
  return text(notice.kind === 'logged-out' ? 'login.loggedOut' : 'login.loggedOutHere');
}
