import type { User } from '../api/users.ts';
import { text } from '../texts/texts.ts';
import { agoText, clockText } from '../texts/times.ts';

export function presenceText(user: User): string {
  if (user.online) {
    return user.connected_at ? text('user.onlineSince', { time: clockText(user.connected_at) }) : text('user.online');
  }
  return user.last_seen ? text('user.lastSeen', { time: agoText(user.last_seen) }) : text('user.offline');
}
