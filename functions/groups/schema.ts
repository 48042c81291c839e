import { z } from 'zod';
import { GROUP_NAME, userIdSchema } from '../../contract/wire/commands.ts';
import { pageLimit } from '../http/paging.ts';

export const MAX_CHANGE = 1_000;
const MAX_PAGE = 500;

const ids = z.array(userIdSchema).max(MAX_CHANGE).optional();

export const changeRequest = z
  .strictObject({ add: ids, remove: ids })
  .refine(({ add = [], remove = [] }) => add.length + remove.length > 0, 'names nobody to add or remove')
  .meta({ description: 'An id in both is removed. Ids need not be known users yet.' });

export const changeAnswer = z.object({ members: z.int().meta({ description: 'How many there are now.' }) });

export const groupsQuery = z.strictObject({
  limit: pageLimit(MAX_PAGE, 100),
  cursor: z.string().regex(GROUP_NAME).optional(),
});

export const groupsAnswer = z.object({
  groups: z.array(z.string()).meta({ description: 'Names, in the order of their bytes.' }),
  cursor: z.string().nullable().meta({ description: 'Of the next page; null: this was the last.' }),
});

export const membersQuery = z.strictObject({
  limit: pageLimit(MAX_PAGE, 100),
  cursor: z
    .string()
    .regex(/^\d{1,16}$/)
    .default('0'),
});

export const membersAnswer = z.object({
  group: z.string(),
  size: z.int(),
  members: z.array(z.string()).meta({ description: 'User ids, in the order in which they joined.' }),
  cursor: z.string().nullable().meta({ description: 'Of the next page; null: this was the last.' }),
});
