import { array, nullable, number, object, string } from 'zod/mini';
import { operatorCall, pathWith } from './operator-call.ts';

const groupsSchema = object({ groups: array(string()), cursor: nullable(string()) });
const membersSchema = object({ size: number(), members: array(string()), cursor: nullable(string()) });

const pathOf = (name: string) => `groups/${encodeURIComponent(name)}`;

export function listGroups(cursor: string | undefined, signal: AbortSignal) {
  return operatorCall(groupsSchema, { method: 'GET', path: pathWith('groups', { cursor }), signal });
}

/** In the order in which they joined. */
export function listMembers(name: string, cursor: string | undefined, signal: AbortSignal) {
  return operatorCall(membersSchema, { method: 'GET', path: pathWith(`${pathOf(name)}/members`, { cursor }), signal });
}

/** A group exists while it has members. */
export function changeMembers(name: string, change: { add: string[] } | { remove: string[] }) {
  return operatorCall(object({ members: number() }), { method: 'PUT', path: `${pathOf(name)}/members`, body: change });
}

export function deleteGroup(name: string) {
  return operatorCall(object({}), { method: 'DELETE', path: pathOf(name) });
}
