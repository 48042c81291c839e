import { useRef } from 'preact/hooks';
import type { User } from '../../api/users.ts';
import { chosen, setChosen } from '../../state/draft.ts';
import { users as list, onlineOnly } from '../../state/users.ts';
import { countText, text } from '../../texts/texts.ts';
import { LoadMore } from '../load-more.tsx';
import { useRoving } from '../roving.ts';
import { NoUsers } from '../users/no-users.tsx';
import { UserRow } from './user-row.tsx';

export function UserList() {
  const pages = list.pages.value;
  if (!pages)
    return (
      <p class="empty" aria-busy="true">
        {text('recipients.loading')}
      </p>
    );
  const users = onlineOnly.value ? pages.items.filter((user) => user.online) : pages.items;
  return (
    <>
      {users.length === 0 ? <NoUsers pages={pages} /> : <Rows users={users} />}
      <LoadMore list={list} />
    </>
  );
}

function Rows({ users }: { users: readonly User[] }) {
  const list = useRef<HTMLUListElement>(null);
  const ids = users.map((user) => user.phone_number);
  const { stop, onKeyDown, onFocus } = useRoving(list, 'input[type=checkbox]', ids);
  return (
    <>
      <All ids={ids} />
      <ul
        ref={list}
        class="users"
        aria-label={text('recipients.list')}
        aria-describedby="list-hint"
        onKeyDown={onKeyDown}
      >
        {users.map((user) => (
          <UserRow
            key={user.phone_number}
            user={user}
            isStop={user.phone_number === stop}
            onFocus={() => onFocus(user.phone_number)}
          />
        ))}
      </ul>
      <p id="list-hint" class="visually-hidden">
        {text('recipients.listHint')}
      </p>
    </>
  );
}

function All({ ids }: { ids: readonly string[] }) {
  const chosenHere = ids.filter((id) => chosen.value.has(id)).length;
  return (
    <div class="users-head">
      <label class="check">
        <input
          type="checkbox"
          checked={chosenHere === ids.length}
          indeterminate={chosenHere > 0 && chosenHere < ids.length}
          onChange={() => setChosen(ids, chosenHere < ids.length)}
        />
        <span>{text('recipients.all')}</span>
      </label>
      <span class="muted">{countText('recipients.shown', ids.length)}</span>
    </div>
  );
}
