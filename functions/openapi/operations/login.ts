import type { Operation, Operations } from './operation.ts';

const login: Operation = {
  summary: 'Log in',
  description:
    'Exchanges the password for a new token; it replaces the older one of a user, and an operator keeps the ten newest. An unknown user, one without a password ' +
    'and a wrong password are answered alike. Only failures are limited.',
  who: 'anyone',
  request: 'LoginRequest',
  answer: 'Login',
  refusals: [400, 401, 413, 429, 503],
};

export const loginOperations = {
  'POST /login': login,
  'POST /api/v1100/login': login,
  'POST /logout': {
    summary: 'Log out',
    description:
      'Revokes the token and closes the connection that it opened, on whichever gateway. With `all`, every token of the user; ' +
      'a body may be left out.',
    who: 'user',
    request: 'LogoutRequest',
    answer: 'Disconnected',
    refusals: [400, 413, 503],
  },
} as const satisfies Operations;
