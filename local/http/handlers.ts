import { createHandler as commands } from '../../functions/commands/handler.ts';
import { createHandler as console } from '../../functions/console/handler.ts';
import { createHandler as deadLetters } from '../../functions/dead-letters/handler.ts';
import { createHandler as groups } from '../../functions/groups/handler.ts';
import type { Handler } from '../../functions/http/serve.ts';
import { createHandler as login } from '../../functions/login/handler.ts';
import { createHandler as logout } from '../../functions/logout/handler.ts';
import { createHandler as openapi } from '../../functions/openapi/handler.ts';
import type { FunctionName } from '../../functions/routes.ts';
import type { Runtime } from '../../functions/runtime/runtime.ts';
import { createHandler as sendCommand } from '../../functions/send-command/handler.ts';
import { createHandler as stats } from '../../functions/stats/handler.ts';
import { createHandler as tokens } from '../../functions/tokens/handler.ts';
import { createHandler as users } from '../../functions/users/handler.ts';

/** The handlers that are deployed, in one process: they share one Redis connection and nothing else. */
export function createHandlers(runtime: Runtime): Readonly<Record<FunctionName, Handler>> {
  return {
    login: login(runtime),
    logout: logout(runtime),
    'send-command': sendCommand(runtime),
    commands: commands(runtime),
    groups: groups(runtime),
    users: users(runtime),
    stats: stats(runtime),
    'dead-letters': deadLetters(runtime),
    tokens: tokens(runtime),
    console: console(runtime),
    openapi: openapi(runtime),
  };
}
