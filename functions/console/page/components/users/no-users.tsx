import type { User } from '../../api/users.ts';
import type { Pages } from '../../state/paged.ts';
import { text } from '../../texts/texts.ts';

/** Why the list is empty. */
export function NoUsers({ pages }: { pages: Pages<User> }) {
  if (pages.items.length > 0) return <p class="empty">{text('recipients.noneOnline')}</p>;
  if (pages.query !== '') return <p class="empty">{text('recipients.noMatch', { query: pages.query })}</p>;
  return (
    <div class="empty">
      <p>{text('recipients.none')}</p>
      <p>{text('recipients.noneHint')}</p>
    </div>
  );
}
