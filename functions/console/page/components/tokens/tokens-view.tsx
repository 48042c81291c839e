import { useState } from 'preact/hooks';
import { revokeServiceToken, type ServiceToken } from '../../api/service-tokens.ts';
import { refreshNow } from '../../state/live.ts';
import { serviceTokens } from '../../state/service-tokens.ts';
import { failureText } from '../../texts/failures.ts';
import { text } from '../../texts/texts.ts';
import { clockText } from '../../texts/times.ts';
import { announce } from '../announcer.tsx';
import { AskFirst } from '../ask-first.tsx';
import { Loading } from '../loading.tsx';
import { ViewFrame } from '../view-frame.tsx';
import { NewToken } from './new-token.tsx';

/** Tokens of programs: made, seen, and revoked. */
export function TokensView() {
  return (
    <ViewFrame heading={text('nav.tokens')}>
      <div class="split wide-first">
        <section class="card panel" aria-labelledby="tokens-heading">
          <h2 id="tokens-heading">{text('tokens.valid')}</h2>
          <List />
        </section>
        <NewToken />
      </div>
    </ViewFrame>
  );
}

function List() {
  const found = serviceTokens.value;
  if (!found) return <Loading rows={3} />;
  if (found.length === 0) return <p class="empty tall">{text('tokens.none')}</p>;
  return (
    <ul class="rows" aria-label={text('tokens.valid')}>
      {found.map((token) => (
        <Row key={token.id} token={token} />
      ))}
    </ul>
  );
}

function Row({ token }: { token: ServiceToken }) {
  const [trouble, setTrouble] = useState('');
  const revoke = async () => {
    const answer = await revokeServiceToken(token.id);
    setTrouble(answer.ok ? '' : failureText(answer.failure));
    announce(answer.ok ? text('tokens.revoked', { name: token.name }) : failureText(answer.failure));
    refreshNow();
  };
  return (
    <li class="row token-row">
      <div class="token-main">
        <p class="token-name">
          <bdi>{token.name}</bdi>
          {token.scopes.map((scope) => (
            <span key={scope} class="tag">
              {scope}
            </span>
          ))}
        </p>
        <p class="muted">
          {token.scopes.includes('send') &&
            (token.recipients ? (
              <>
                {text('tokens.onlyTo')} <bdi class="mono">{token.recipients.slice(0, 5).join(', ')}</bdi>
                {token.recipients.length > 5 && ` ${text('compose.andMore', { n: token.recipients.length - 5 })}`}
                {' · '}
              </>
            ) : (
              `${text('tokens.toAnyone')} · `
            ))}
          {text('tokens.made', { user: token.created_by, time: clockText(token.created_at) })}
          {' · '}
          {text('users.expires', { time: clockText(token.expires_at * 1000) })}
        </p>
        {trouble && <p class="bad-ink">{trouble}</p>}
      </div>
      <AskFirst
        label={text('tokens.revoke')}
        name={text('tokens.revokeOne', { name: token.name })}
        heading={text('tokens.revokeHeading')}
        consequence={text('tokens.revokeConsequence', { name: token.name })}
        confirm={text('tokens.revoke')}
        onConfirm={revoke}
        buttonClass="danger small"
      />
    </li>
  );
}
