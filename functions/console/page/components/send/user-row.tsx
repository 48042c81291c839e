import type { User } from '../../api/users.ts';
import { chosen, setChosen } from '../../state/draft.ts';
import { text } from '../../texts/texts.ts';
import { presenceText } from '../presence.ts';

interface Props {
  user: User;
  /** Whether the tab key stops here: at one row of the list. */
  isStop: boolean;
}

export function UserRow({ user, isStop }: Props) {
  const id = user.phone_number;
  return (
    <label class={`user ${user.online ? 'online' : 'offline'}`}>
      <input
        type="checkbox"
        tabIndex={isStop ? 0 : -1}
        checked={chosen.value.has(id)}
        onChange={({ currentTarget }) => setChosen([id], currentTarget.checked)}
      />
      <span class="dot" aria-hidden="true" />
      <bdi class="user-id">{id}</bdi>
      {user.role === 'operator' && <span class="tag">{text('user.operator')}</span>}
      <span class="presence">{presenceText(user)}</span>
    </label>
  );
}
