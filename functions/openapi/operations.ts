import type { RouteKey } from '../routes.ts';
import { commandOperations } from './operations/commands.ts';
import { deadLetterOperations } from './operations/dead-letters.ts';
import { documentOperations } from './operations/documents.ts';
import { groupOperations } from './operations/groups.ts';
import { loginOperations } from './operations/login.ts';
import type { Operation } from './operations/operation.ts';
import { serviceTokenOperations } from './operations/service-tokens.ts';
import { statsOperations } from './operations/stats.ts';
import { userOperations } from './operations/users.ts';

/** Every route has a row: the compiler requires it. */
export const operations: Readonly<Record<RouteKey, Operation>> = {
  ...loginOperations,
  ...commandOperations,
  ...documentOperations,
  ...userOperations,
  ...groupOperations,
  ...statsOperations,
  ...deadLetterOperations,
  ...serviceTokenOperations,
};
