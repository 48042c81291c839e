import type { Operations } from './operation.ts';

export const groupOperations = {
  'GET /groups': {
    summary: 'Names of groups',
    who: 'operator',
    parameters: ['limit', 'cursor'],
    answer: 'Groups',
    refusals: [400, 503],
  },
  'GET /groups/{name}/members': {
    summary: 'Members of a group',
    who: 'operator',
    parameters: ['groupName', 'limit', 'cursor'],
    answer: 'GroupMembers',
    refusals: [400, 404, 503],
  },
  'PUT /groups/{name}/members': {
    summary: 'Add members to a group, and remove others',
    description:
      'Up to 1,000 of each. A group exists while it has members, and has at most 100,000 (409 `group_full`). A send reaches the ' +
      'members at its acceptance.',
    who: 'operator',
    parameters: ['groupName'],
    request: 'ChangeGroup',
    answer: 'ChangedGroup',
    refusals: [400, 409, 413, 503],
  },
  'DELETE /groups/{name}': {
    summary: 'Delete a group',
    description: 'What was sent to it before still reaches its members.',
    who: 'operator',
    parameters: ['groupName'],
    refusals: [400, 404, 503],
  },
} as const satisfies Operations;
