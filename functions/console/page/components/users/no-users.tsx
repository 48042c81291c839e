import { onlineOnly, query, type UserList } from '../../state/users.ts';
import { text } from '../../texts/texts.ts';

/** Why the list is empty. */
export function NoUsers({ list }: { list: UserList }) {
  if (list.cursor !== undefined) return <p class="empty">{text('recipients.noneYet')}</p>;
  if (query.value !== '') return <p class="empty">{text('recipients.noMatch', { query: query.value })}</p>;
  if (onlineOnly.value) return <p class="empty">{text('recipients.noneOnline')}</p>;
  return (
    <div class="empty">
      <p>{text('recipients.none')}</p>
      <p>{text('recipients.noneHint')}</p>
    </div>
  );
}
