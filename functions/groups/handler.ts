import { changeGroup, deleteGroup, listGroups, readGroup } from '../../contract/store/scripts/groups.ts';
import { GROUP_NAME } from '../../contract/wire/commands.ts';
import { readJson } from '../http/body.ts';
import { invalid } from '../http/invalid.ts';
import { readQuery } from '../http/query.ts';
import { HttpRefusal } from '../http/refusal.ts';
import { type ApiRequest, type Handler, serve } from '../http/serve.ts';
import { actorOf } from '../runtime/actor.ts';
import { authorize, OPERATOR } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { changeRequest, groupsQuery, membersQuery } from './schema.ts';

/** Named groups: the targets of `chat_to: {"group": name}` in POST /send-command. */
export function createHandler(runtime: Runtime): Handler {
  const { redis, keys, environment, clock, log } = runtime;

  return serve(log, {
    'GET /groups': async (request) => {
      await authorize(runtime, request, OPERATOR);
      const { limit, cursor = '' } = readQuery(request.event, groupsQuery);
      const page = await listGroups(redis, keys, { after: cursor, limit });
      return { groups: page.names, cursor: page.cursor ?? null };
    },
    'GET /groups/{name}/members': async (request) => {
      await authorize(runtime, request, OPERATOR);
      const name = nameOf(request);
      const { limit, cursor } = readQuery(request.event, membersQuery);
      const page = await readGroup(redis, keys, name, { after: cursor, limit });
      if (page === undefined) throw new HttpRefusal(404, 'unknown_group');
      return { group: name, size: page.size, members: page.members, cursor: page.cursor ?? null };
    },
    'PUT /groups/{name}/members': async (request) => {
      const { userId } = await authorize(runtime, request, OPERATOR);
      const name = nameOf(request);
      const change = changeRequest.safeParse(readJson(request.event, environment.MAX_BODY_BYTES));
      if (!change.success) throw invalid(change.error);
      const { add = [], remove = [] } = change.data;
      const highestId = await clock.highestId();
      const members = await changeGroup(redis, keys, name, { add, remove }, actorOf(runtime, userId), highestId);
      if (members === 'full') throw new HttpRefusal(409, 'group_full');
      return { members };
    },
    'DELETE /groups/{name}': async (request) => {
      const { userId } = await authorize(runtime, request, OPERATOR);
      if (!(await deleteGroup(redis, keys, nameOf(request), actorOf(runtime, userId))))
        throw new HttpRefusal(404, 'unknown_group');
      return {};
    },
  });
}

function nameOf(request: ApiRequest): string {
  const name = request.event.pathParameters?.name ?? '';
  if (!GROUP_NAME.test(name)) throw new HttpRefusal(400, 'bad_group_name');
  return name;
}

export const handler = lambdaEntry(createHandler);
