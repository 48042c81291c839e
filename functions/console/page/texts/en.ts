import { device } from './en/device.ts';
import { figures } from './en/figures.ts';
import { frame } from './en/frame.ts';
import { login } from './en/login.ts';
import { records } from './en/records.ts';
import { send } from './en/send.ts';
import { users } from './en/users.ts';

/** What the page says, by view. `{name}` is put in; `….one` and `….other` are forms of one text, chosen by its `{n}`. */
export const en = { ...frame, ...login, ...send, ...users, ...records, ...figures, ...device } as const;
