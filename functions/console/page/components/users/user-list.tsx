import type { ComponentChildren } from 'preact';
import type { User } from '../../api/users.ts';
import { refreshNow } from '../../state/live.ts';
import { isSearching, searchOn, showRows, type UserList, users } from '../../state/users.ts';
import { numberText } from '../../texts/numbers.ts';
import { countText, text } from '../../texts/texts.ts';
import { Loading } from '../loading.tsx';
import { VirtualList } from '../virtual-list.tsx';
import { NoUsers } from './no-users.tsx';

interface Props {
  /** Above the list, beside how many there are. */
  tools?: (list: UserList) => ComponentChildren;
  row: (user: User, isStop: boolean) => ComponentChildren;
  /** What takes the focus in a row. */
  stop: string;
  hint?: string;
}

/** All users, or the found ones. Only the visible rows are read, and refreshed. */
export function UsersList({ tools, row, stop, hint }: Props) {
  const list = users.value;
  if (!list) return <Loading rows={6} />;
  return (
    <>
      {list.count > 0 && (
        <div class="users-head">
          {tools?.(list)}
          <span class="muted">
            {list.cursor === undefined
              ? countText('recipients.shown', list.count)
              : text('recipients.shownSoFar', { n: numberText(list.count) })}
          </span>
        </div>
      )}
      {list.count === 0 && !isSearching.value && <NoUsers list={list} />}
      {list.count > 0 && (
        <VirtualList
          key={list.search}
          label={text('recipients.list')}
          count={list.count}
          keyAt={(at) => list.rows.get(at)?.phone_number}
          render={(at, isStop) => {
            const user = list.rows.get(at);
            return user && row(user, isStop);
          }}
          stop={stop}
          onShow={showRows}
          {...(hint ? { describedBy: 'list-hint' } : {})}
        />
      )}
      {hint && (
        <p id="list-hint" class="visually-hidden">
          {hint}
        </p>
      )}
      <SearchOn list={list} />
    </>
  );
}

/** A search through a very long list continues on request. */
function SearchOn({ list }: { list: UserList }) {
  if (list.cursor === undefined) return null;
  const goOn = async () => {
    if (await searchOn()) refreshNow();
  };
  return (
    <button type="button" class="more" disabled={isSearching.value} onClick={goOn}>
      {text(isSearching.value ? 'recipients.searching' : 'recipients.searchOn')}
    </button>
  );
}
