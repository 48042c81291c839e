import { useEffect, useRef } from 'preact/hooks';
import type { UserDetail } from '../../api/users.ts';
import { type Detail, detail } from '../../state/user-detail.ts';
import { hrefOf } from '../../state/view.ts';
import { countText, text } from '../../texts/texts.ts';
import { clockText } from '../../texts/times.ts';
import { CommandRows } from '../history/command-rows.tsx';
import { Loading } from '../loading.tsx';
import { presenceText } from '../presence.ts';
import { Timeline } from './timeline.tsx';
import { UserActions } from './user-actions.tsx';
import { Waiting } from './waiting.tsx';

/** No counter gets as far, and no clock is as far behind: September 2001. */
const FIRST_TIME_MS = 1_000_000_000_000;

export function UserDetailPanel({ id }: { id: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  // Who chose somebody in the list hears at once whose detail this is; on a phone the list is gone.
  useEffect(() => heading.current?.focus(), []);
  const found = detail.value?.id === id ? detail.value : undefined;
  return (
    <>
      <a class="back" href={hrefOf('users')}>
        {text('users.back')}
      </a>
      <h2 class="detail-id" tabIndex={-1} ref={heading}>
        <bdi>{id}</bdi>
      </h2>
      {!found && <Loading rows={5} />}
      {found?.kind === 'missing' && (
        <p class="notice warn" role="alert">
          {text('users.missing', { reason: found.message })}
        </p>
      )}
      {found?.kind === 'there' && (
        <>
          <Presence user={found.user} />
          <UserActions user={found.user} />
          <Facts user={found.user} />
          <Waiting key={found.id} user={found.user} />
          <h3>{text('timeline.heading')}</h3>
          <Timeline id={found.id} version={versionOf(found)} />
          <h3>{text('users.commands')}</h3>
          {found.commands.length === 0 ? (
            <p class="empty">{text('users.noCommands')}</p>
          ) : (
            <CommandRows commands={found.commands} label={text('users.commands')} />
          )}
        </>
      )}
    </>
  );
}

/** Changes with everything that a timeline has an entry for. */
function versionOf({ user, commands }: Extract<Detail, { kind: 'there' }>): string {
  return JSON.stringify([user.session, user.mailbox, commands.map(({ id, receipt }) => [id, receipt])]);
}

function Presence({ user }: { user: UserDetail }) {
  return (
    <p class={`user-presence ${user.online ? 'online' : 'offline'}`}>
      <span class="dot" aria-hidden="true" />
      <span>{presenceText(user)}</span>
      {user.role === 'operator' && <span class="tag">{text('user.operator')}</span>}
    </p>
  );
}

function Facts({ user }: { user: UserDetail }) {
  const { session, token } = user;
  return (
    <dl class="facts">
      <div>
        <dt>{text('users.session')}</dt>
        <dd>
          {session
            ? text(session.acknowledges ? 'users.sessionAck' : 'users.sessionPlain', { session: nameOf(session.epoch) })
            : text('users.noSession')}
        </dd>
      </div>
      <div>
        <dt>{text('users.gateway')}</dt>
        <dd>{user.gateway ? <bdi class="mono">{user.gateway}</bdi> : '–'}</dd>
      </div>
      <div>
        <dt>{text('users.token')}</dt>
        <dd>{tokenText(token)}</dd>
      </div>
      <div>
        <dt>{text('users.mailbox')}</dt>
        <dd>
          {countText('users.waiting', user.mailbox)}
          {user.lost > 0 && <span class="bad-ink"> · {countText('users.lost', user.lost)}</span>}
        </dd>
      </div>
    </dl>
  );
}

/** An epoch is the time of the session's claim in ms. Sessions of older gateways were counted: 1, 2, 3. */
function nameOf(epoch: number): string {
  return epoch < FIRST_TIME_MS
    ? text('users.sessionNumber', { n: epoch })
    : text('users.sessionSince', { time: clockText(epoch) });
}

function tokenText(token: UserDetail['token']): string {
  if (!token) return text('users.noToken');
  if (token.expires_at === null) return text('users.tokenForever');
  const atMs = token.expires_at * 1000;
  return text(atMs > Date.now() ? 'users.tokenUntil' : 'users.tokenExpired', { time: clockText(atMs) });
}
