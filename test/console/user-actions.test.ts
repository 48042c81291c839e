import { expect, test } from 'vitest';
import { done } from './support/scripted-api.ts';
import { setUpConsole } from './support/setup.ts';

const ui = setUpConsole((setup) => {
  setup.api.users = [{ phone_number: 'pump-1', online: true }];
});

const bodies = (route: string) => ui.api.requestsOf(route).map(({ body }) => body);

test('a user is added and shown; an existing one is an error', async () => {
  const page = await ui.logInAt('#/users');
  await page.getByLabel('User ID').fill('pump-1');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('alert').getByText('there is a user with this id already').waitFor();
  await page.getByLabel('User ID').fill('pump/2');
  await page.getByLabel('Password').fill('secret');
  await page.getByLabel('An operator').check();
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('heading', { name: 'pump/2' }).waitFor();
  expect(bodies('POST /users').at(-1)).toEqual({ phone_number: 'pump/2', password: 'secret', role: 'operator' });
});

test('a token for a device is shown once, and a password is set', async () => {
  const page = await ui.logInAt('#/users/pump-1');
  await page.getByRole('button', { name: 'Make a token' }).click();
  await page.getByRole('dialog').getByLabel('Valid for').selectOption('Until it is replaced');
  await page.getByRole('dialog').getByRole('button', { name: 'Make the token' }).click();
  expect(await page.getByLabel('The new token').inputValue()).toBe('device.secret');
  expect(bodies('POST /users/{id}/token')).toEqual([{ ttl_s: 0 }]);
  await page.getByRole('button', { name: 'I have it' }).click();
  expect(await page.content()).not.toContain('device.secret');

  await page.getByRole('button', { name: 'Set password' }).click();
  await page.getByRole('dialog').getByLabel('Password').fill('new');
  await page.getByRole('dialog').getByRole('button', { name: 'Set password' }).click();
  await page.locator('.notice').getByText('The password of pump-1 is set.').waitFor();
  expect(bodies('PUT /users/{id}/password')).toEqual([{ password: 'new' }]);
});

test('waiting messages are listed, deleted one by one or all, after a question', async () => {
  const message = { command_id: 102, sent_at: 1_795_343_504_645, expires_at: null };
  ui.api.answer('GET /users/{id}/messages', () =>
    done({ total: 21, messages: [{ ...message, id: '1838431748728999' }], cursor: null }),
  );
  const page = await ui.logInAt('#/users/pump-1');
  const rows = page.getByRole('list', { name: 'Waiting messages' }).locator('> li');
  await page.getByRole('button', { name: 'Show 20 more' }).click();
  await rows.nth(1).getByText('1838431748728999').waitFor();
  expect(ui.api.requestsOf('GET /users/{id}/messages')[0]?.url.searchParams.get('cursor')).toBe('1838431748728832');
  await page.getByRole('button', { name: 'Delete message 1838431748728832' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await rows.getByText('1838431748728832').waitFor({ state: 'detached' });
  expect(ui.api.requestsOf('DELETE /users/{id}/messages/{id}')[0]?.url.pathname).toBe(
    '/users/pump-1/messages/1838431748728832',
  );
  await page.getByRole('button', { name: 'Delete all' }).click();
  await page.getByRole('dialog').getByText('21 messages are never delivered.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete all' }).click();
  await page.getByRole('status').getByText('21 messages deleted.').waitFor();
  expect(ui.api.requestsOf('DELETE /users/{id}/messages')).toHaveLength(1);
});

test('a user is removed after a question, and is gone from the list', async () => {
  const page = await ui.logInAt('#/users/pump-1');
  await page.getByRole('button', { name: 'Remove user' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove user' }).click();
  await page.getByText('There are no users yet.').waitFor();
  await page.getByRole('heading', { name: 'Add a user' }).waitFor();
});

test('the timeline of a user is in the order of time', async () => {
  const at = Date.now();
  ui.api.answer('GET /users/{id}/timeline', () =>
    done({
      entries: [
        { at, what: 'disconnected', gateway: 'g-1', epoch: 1, reason: 'heartbeat_timeout' },
        { at, what: 'acknowledged', message: '77', command_id: 102 },
        { at, what: 'sent', message: '77', command_id: 102, from: 'boss' },
        { at, what: 'connected', gateway: 'g-1', epoch: 1, reason: 'verified' },
      ],
      events_since: at - 1_000,
    }),
  );
  const page = await ui.logInAt('#/users/pump-1');
  const rows = page.getByRole('list', { name: 'What happened' }).locator('> li');
  await rows.nth(0).getByText('heartbeat timeout').waitFor();
  await rows.nth(1).getByText('Acknowledged').waitFor();
  await rows.nth(2).getByText('by boss').waitFor();
  await page.getByText(/Connections before .* are not shown/).waitFor();
  // It is read anew when something has changed, not with every round.
  const rounds = ui.api.requestsOf('GET /users/{id}').length;
  await page.waitForRequest((request) => request.url().endsWith('/users/pump-1'));
  await page.waitForRequest((request) => request.url().endsWith('/users/pump-1'));
  expect(ui.api.requestsOf('GET /users/{id}').length).toBeGreaterThan(rounds);
  expect(ui.api.requestsOf('GET /users/{id}/timeline')).toHaveLength(1);
});

test('a message goes to a group after a question, at a time, replacing another', async () => {
  ui.api.answer('GET /groups', () => done({ groups: ['north', 'south'], cursor: null }));
  ui.api.answer('GET /groups/{id}/members', () =>
    done({ group: 'north', size: 42, members: ['pump-1'], cursor: null }),
  );
  ui.api.answer('POST /send-command', () => done({ id: '5', recipients: { members: 42 } }));
  ui.api.answer('GET /commands/{id}', () => done({ recipients: [], states: { scheduled: 42 } }));
  ui.api.answer('DELETE /commands/{id}', () => done({ cancelled: 42, too_late: 0 }));
  const page = await ui.logInAt('#/send');
  await page.getByLabel('A group').check();
  await page.locator('#content').fill('hello');
  await page.locator('#content').press('Control+Enter');
  await page.locator('#compose-problem').getByText('Name a group').waitFor();
  await page.getByLabel('Name of the group').fill('north');
  await page.getByText('Later, or in place of another').click();
  await page.getByLabel('Deliver at').fill('2001-01-01T10:00');
  await page.locator('#content').press('Control+Enter');
  await page.locator('#compose-problem').getByText('a time that is still to come').waitFor();
  await page.getByLabel('Deliver at').fill('2090-01-01T10:00');
  await page.getByLabel('Replaces waiting messages with this key').fill('setpoint');
  await page.getByRole('button', { name: 'Send to 42 clients' }).click();
  await page.getByRole('dialog').getByText('Every member of north gets this message: 42 members.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
  await page.locator('.log').getByText('Accepted for 42 members').waitFor();
  expect(bodies('POST /send-command')).toEqual([
    {
      command_id: 103,
      chat_to: { group: 'north' },
      content: 'hello',
      receipt: true,
      replaces: 'setpoint',
      not_before: expect.any(Number),
    },
  ]);
  await page.locator('.log').getByText('Scheduled 42').waitFor();
  await page.getByRole('button', { name: 'Take back command 5' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
  await page.locator('.log').getByText('Taken back: 42.').waitFor();
});
