import type { TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import { type CreatedToken, createServiceToken, type TokenRequest } from '../../api/service-tokens.ts';
import { refreshNow } from '../../state/live.ts';
import { failureText } from '../../texts/failures.ts';
import { text } from '../../texts/texts.ts';
import { announce } from '../announcer.tsx';
import { useOneAtATime } from '../clicks.ts';
import { Lifetime } from '../lifetime.tsx';
import { ShownOnce } from './shown-once.tsx';

const SCOPES = ['send', 'read'] as const;
export function NewToken() {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<readonly string[]>(['send']);
  const [recipients, setRecipients] = useState('');
  const [seconds, setSeconds] = useState<number | undefined>();
  const [trouble, setTrouble] = useState('');
  const [made, setMade] = useState<CreatedToken>();
  const { isRunning, run } = useOneAtATime();

  const create = async () => {
    const answer = await createServiceToken(requestOf(name.trim(), scopes, recipients, seconds));
    setTrouble(answer.ok ? '' : failureText(answer.failure));
    if (!answer.ok) return;
    setMade(answer.value);
    setName('');
    setRecipients('');
    announce(text('tokens.madeNow'));
    refreshNow();
  };
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (name.trim() === '' || scopes.length === 0) {
      setTrouble(text(name.trim() === '' ? 'tokens.problem.noName' : 'tokens.problem.noScope'));
      return;
    }
    void run(create);
  };

  return (
    <section class="card panel" aria-labelledby="new-token-heading">
      <h2 id="new-token-heading">{text('tokens.new')}</h2>
      {made && <ShownOnce token={made.token} onDone={() => setMade(undefined)} />}
      <form class="stack" onSubmit={submit} noValidate>
        <label class="field">
          <span>{text('tokens.name')}</span>
          <input
            required
            maxLength={64}
            autocomplete="off"
            spellcheck={false}
            value={name}
            aria-describedby="token-name-hint"
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
          <span class="muted hint" id="token-name-hint">
            {text('tokens.nameHint')}
          </span>
        </label>
        <fieldset class="field">
          <legend>{text('tokens.scopes')}</legend>
          {SCOPES.map((scope) => (
            <label key={scope} class="check">
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                onChange={({ currentTarget }) =>
                  setScopes(currentTarget.checked ? [...scopes, scope] : scopes.filter((one) => one !== scope))
                }
              />
              <span>{text(`tokens.scope.${scope}`)}</span>
            </label>
          ))}
        </fieldset>
        {scopes.includes('send') && (
          <label class="field">
            <span>{text('tokens.recipients')}</span>
            <textarea
              rows={2}
              class="short mono"
              spellcheck={false}
              value={recipients}
              aria-describedby="token-recipients-hint"
              onInput={({ currentTarget }) => setRecipients(currentTarget.value)}
            />
            <span class="muted hint" id="token-recipients-hint">
              {text('tokens.recipientsHint')}
            </span>
          </label>
        )}
        <Lifetime seconds={seconds} onSeconds={setSeconds} />
        <div role="alert">{trouble && <p class="notice bad">{trouble}</p>}</div>
        <button type="submit" class="primary" aria-disabled={isRunning}>
          {text('tokens.create')}
        </button>
      </form>
    </section>
  );
}

function requestOf(
  name: string,
  scopes: readonly string[],
  recipients: string,
  ttlSeconds: number | undefined,
): TokenRequest {
  const ids = recipients
    .split('\n')
    .map((id) => id.trim())
    .filter((id) => id !== '');
  return {
    name,
    scopes: [...scopes],
    ...(scopes.includes('send') && ids.length > 0 ? { recipients: ids } : {}),
    ...(ttlSeconds === undefined ? {} : { ttl_s: ttlSeconds }),
  };
}
