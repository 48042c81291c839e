import type { TextTable } from './table.ts';
import { device } from './zh/device.ts';
import { figures } from './zh/figures.ts';
import { frame } from './zh/frame.ts';
import { login } from './zh/login.ts';
import { records } from './zh/records.ts';
import { send } from './zh/send.ts';
import { users } from './zh/users.ts';

export const zh: TextTable = { ...frame, ...login, ...send, ...users, ...records, ...figures, ...device };
