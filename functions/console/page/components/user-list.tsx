import { useRef, useState } from 'preact/hooks';
import type { User } from '../api/operator.ts';
import { chosen, setChosen } from '../state/draft.ts';
import { refreshNow } from '../state/live.ts';
import { isLoadingMore, loadMoreUsers, onlineOnly, type UserPages, userPages } from '../state/users.ts';
import { countText, text } from '../texts/texts.ts';
import { UserRow } from './user-row.tsx';

export function UserList() {
  const pages = userPages.value;
  if (!pages)
    return (
      <p class="empty" aria-busy="true">
        {text('recipients.loading')}
      </p>
    );
  const users = onlineOnly.value ? pages.users.filter((user) => user.online) : pages.users;
  return (
    <>
      {users.length === 0 ? <Empty pages={pages} /> : <Rows users={users} />}
      {pages.cursor !== undefined && (
        <button type="button" class="more" disabled={isLoadingMore.value} onClick={loadMore}>
          {text(isLoadingMore.value ? 'recipients.loadingMore' : 'recipients.more')}
        </button>
      )}
    </>
  );
}

/** A failure shows where all failures of reading show: the next round meets it too. */
async function loadMore(): Promise<void> {
  if (await loadMoreUsers()) refreshNow();
}

function Empty({ pages }: { pages: UserPages }) {
  if (pages.users.length > 0) return <p class="empty">{text('recipients.noneOnline')}</p>;
  if (pages.query !== '') return <p class="empty">{text('recipients.noMatch', { query: pages.query })}</p>;
  return (
    <div class="empty">
      <p>{text('recipients.none')}</p>
      <p>{text('recipients.noneHint')}</p>
    </div>
  );
}

/** One stop for the tab key; arrow keys move inside. */
function Rows({ users }: { users: readonly User[] }) {
  const [focusId, setFocusId] = useState<string>();
  const list = useRef<HTMLUListElement>(null);
  const stop = users.some((user) => user.phone_number === focusId) ? focusId : users[0]?.phone_number;

  const move = (event: KeyboardEvent) => {
    const boxes = [...(list.current?.querySelectorAll<HTMLElement>('input[type=checkbox]') ?? [])];
    const at = boxes.findIndex((box) => box.matches(':focus'));
    const to = destination(event.key, at, boxes.length);
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    boxes[to]?.focus();
  };

  return (
    <>
      <All users={users} />
      <ul ref={list} class="users" aria-label={text('recipients.list')} aria-describedby="list-hint" onKeyDown={move}>
        {users.map((user) => (
          <UserRow
            key={user.phone_number}
            user={user}
            isStop={user.phone_number === stop}
            onFocus={() => setFocusId(user.phone_number)}
          />
        ))}
      </ul>
      <p id="list-hint" class="visually-hidden">
        {text('recipients.listHint')}
      </p>
    </>
  );
}

function All({ users }: { users: readonly User[] }) {
  const chosenHere = users.filter((user) => chosen.value.has(user.phone_number)).length;
  return (
    <div class="users-head">
      <label class="check">
        <input
          type="checkbox"
          checked={chosenHere === users.length}
          indeterminate={chosenHere > 0 && chosenHere < users.length}
          onChange={() =>
            setChosen(
              users.map((user) => user.phone_number),
              chosenHere < users.length,
            )
          }
        />
        <span>{text('recipients.all')}</span>
      </label>
      <span class="muted">{countText('recipients.shown', users.length)}</span>
    </div>
  );
}

const PAGE = 10;

function destination(key: string, at: number, count: number): number | undefined {
  if (key === 'ArrowDown') return Math.min(at + 1, count - 1);
  if (key === 'ArrowUp') return Math.max(at - 1, 0);
  if (key === 'PageDown') return Math.min(at + PAGE, count - 1);
  if (key === 'PageUp') return Math.max(at - PAGE, 0);
  if (key === 'Home') return 0;
  return key === 'End' ? count - 1 : undefined;
}
