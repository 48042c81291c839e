import { useRef } from 'preact/hooks';
import type { User } from '../../api/users.ts';
import { onlineOnly, users } from '../../state/users.ts';
import { hrefOf, place } from '../../state/view.ts';
import { countText, text } from '../../texts/texts.ts';
import { LoadMore } from '../load-more.tsx';
import { Loading } from '../loading.tsx';
import { presenceText } from '../presence.ts';
import { useRoving } from '../roving.ts';
import { UserFilter } from '../user-filter.tsx';
import { ViewFrame } from '../view-frame.tsx';
import { NoUsers } from './no-users.tsx';
import { UserDetailPanel } from './user-detail.tsx';

/** All users with their presence, and one of them in detail beside the list; on a phone in its place. */
export function UsersView() {
  const { id } = place.value;
  return (
    <ViewFrame heading={text('nav.users')}>
      <div class={`split ${id === undefined ? '' : 'has-detail'}`}>
        <section class="card panel master" aria-label={text('recipients.list')}>
          <UserFilter />
          <List />
        </section>
        <section class="card panel detail" aria-label={text('users.detail')}>
          {id === undefined ? <p class="empty tall">{text('users.choose')}</p> : <UserDetailPanel key={id} id={id} />}
        </section>
      </div>
    </ViewFrame>
  );
}

function List() {
  const pages = users.pages.value;
  if (!pages) return <Loading rows={6} />;
  const shown = onlineOnly.value ? pages.items.filter((user) => user.online) : pages.items;
  return (
    <>
      {shown.length === 0 ? <NoUsers pages={pages} /> : <Rows shown={shown} />}
      <LoadMore list={users} />
    </>
  );
}

function Rows({ shown }: { shown: readonly User[] }) {
  const list = useRef<HTMLUListElement>(null);
  const ids = shown.map((user) => user.phone_number);
  const { stop, onKeyDown, onFocus } = useRoving(list, 'a', ids);
  const online = shown.filter((user) => user.online).length;
  return (
    <>
      <p class="users-head muted">
        <span>{countText('recipients.shown', shown.length)}</span>
        <span>{text('users.online', { n: online })}</span>
      </p>
      <ul ref={list} class="users" aria-label={text('recipients.list')} onKeyDown={onKeyDown}>
        {shown.map((user) => (
          <li key={user.phone_number}>
            <a
              class={`user ${user.online ? 'online' : 'offline'}`}
              href={hrefOf('users', user.phone_number)}
              tabIndex={user.phone_number === stop ? 0 : -1}
              aria-current={user.phone_number === place.value.id ? 'true' : undefined}
              onFocus={() => onFocus(user.phone_number)}
            >
              <span class="dot" aria-hidden="true" />
              <bdi class="user-id">{user.phone_number}</bdi>
              {user.role === 'operator' && <span class="tag">{text('user.operator')}</span>}
              <span class="presence">{presenceText(user)}</span>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}
