import type { User } from '../../api/users.ts';
import { hrefOf, place } from '../../state/view.ts';
import { text } from '../../texts/texts.ts';
import { presenceText } from '../presence.ts';
import { UserFilter } from '../user-filter.tsx';
import { ViewFrame } from '../view-frame.tsx';
import { AddUser } from './add-user.tsx';
import { UserDetailPanel } from './user-detail.tsx';
import { UsersList } from './user-list.tsx';

/** All users with their presence, and one of them in detail beside the list; on a phone in its place. */
export function UsersView() {
  const { id } = place.value;
  return (
    <ViewFrame heading={text('nav.users')}>
      <div class={`split ${id === undefined ? '' : 'has-detail'}`}>
        <section class="card panel master" aria-label={text('recipients.list')}>
          <UserFilter />
          <UsersList row={(user, isStop) => <UserLink user={user} isStop={isStop} />} stop="a" />
        </section>
        <section class="card panel detail" aria-label={text('users.detail')}>
          {id === undefined ? <AddUser /> : <UserDetailPanel key={id} id={id} />}
        </section>
      </div>
    </ViewFrame>
  );
}

function UserLink({ user, isStop }: { user: User; isStop: boolean }) {
  const id = user.phone_number;
  return (
    <a
      class={`user ${user.online ? 'online' : 'offline'}`}
      href={hrefOf('users', id)}
      tabIndex={isStop ? 0 : -1}
      aria-current={id === place.value.id ? 'true' : undefined}
    >
      <span class="dot" aria-hidden="true" />
      <bdi class="user-id">{id}</bdi>
      {user.role === 'operator' && <span class="tag">{text('user.operator')}</span>}
      <span class="presence">{presenceText(user)}</span>
    </a>
  );
}
