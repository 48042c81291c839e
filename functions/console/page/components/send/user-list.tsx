import { useState } from 'preact/hooks';
import { chosen, MAX_CHOSEN, setChosen } from '../../state/draft.ts';
import { allFound, type UserList as List } from '../../state/users.ts';
import { text } from '../../texts/texts.ts';
import { UsersList } from '../users/user-list.tsx';
import { UserRow } from './user-row.tsx';

export function UserList() {
  return (
    <UsersList
      tools={(list) => <All list={list} />}
      row={(user, isStop) => <UserRow user={user} isStop={isStop} />}
      stop="input"
      hint={text('recipients.listHint')}
    />
  );
}

/** Selects all found users, up to the number that a message may name. */
function All({ list }: { list: List }) {
  const [isReading, setReading] = useState(false);
  const known = [...list.rows.values()].map((user) => user.phone_number);
  const chosenHere = known.filter((id) => chosen.value.has(id)).length;
  const isAll = known.length === list.count && chosenHere === known.length;
  const isTooMany = list.count > MAX_CHOSEN || list.cursor !== undefined;
  const change = async () => {
    if (known.length === list.count) return setChosen(known, !isAll);
    setReading(true);
    const ids = await allFound(MAX_CHOSEN);
    setReading(false);
    if (ids) setChosen(ids, true);
  };
  return (
    <label class="check" title={isTooMany ? text('recipients.tooMany', { n: MAX_CHOSEN }) : undefined}>
      <input
        type="checkbox"
        checked={isAll}
        indeterminate={chosenHere > 0 && !isAll}
        disabled={isTooMany || isReading}
        onChange={change}
      />
      <span>{text('recipients.all')}</span>
    </label>
  );
}
