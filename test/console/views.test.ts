import { expect, test } from 'vitest';
import { until } from '../kit/until.ts';
import { done, OPERATOR, refused } from './support/scripted-api.ts';
import { setUpConsole } from './support/setup.ts';

const ui = setUpConsole((setup) => {
  setup.api.users = [
    { phone_number: 'pump-1', online: true, connected_at: Date.now() },
    { phone_number: 'a/b%? ü', online: false },
  ];
});

const bodies = (route: string) => ui.api.requestsOf(route).map(({ body }) => body);
const paths = (route: string) => ui.api.requestsOf(route).map(({ url }) => url.pathname);

test('a user in detail: session, token and mailbox, and a message to them', async () => {
  const page = await ui.logInAt('#/users');
  await page.getByRole('link', { name: 'pump-1' }).click();
  await page.getByRole('heading', { name: 'pump-1' }).waitFor();
  await page.getByText('No. 3, acknowledges').waitFor();
  await page.getByText('21 messages wait').waitFor();
  await page.getByText('2 messages lost').waitFor();
  await page.getByRole('list', { name: 'Waiting messages' }).getByText('Application 2001').waitFor();
  await page.getByRole('button', { name: 'Show 20 more' }).waitFor();
  expect(await page.title()).toBe('Users · fronttcp console');
  await page.getByRole('button', { name: 'Write a message' }).click();
  await page.getByRole('button', { name: 'Remove pump-1' }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'pump-1' }).waitFor();
});

test('a session that is numbered by its time shows the time', async () => {
  const session = { epoch: 1_795_343_504_645, acknowledges: false };
  const user = { phone_number: 'pump-1', online: true, gateway: 'g-1', session, token: null };
  ui.api.answer('GET /users/{id}', () => done({ ...user, mailbox: 0, messages: [], lost: 0 }));
  await ui.logInAt('#/users/pump-1');
  await ui.page.getByText(/^Since .*\d:\d\d.*, plain client$/).waitFor();
});

test('disconnecting and revoking ask first, and report the result', async () => {
  const page = await ui.logInAt(`#/users/${encodeURIComponent('a/b%? ü')}`);
  await page.getByRole('heading', { name: 'a/b%? ü' }).waitFor();
  await page.getByRole('button', { name: 'Revoke token' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  expect(paths('DELETE /users/{id}/token')).toEqual([]);
  await page.getByRole('button', { name: 'Revoke token' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke token' }).click();
  await page.locator('.notice').getByText('The token of a/b%? ü is revoked.').waitFor();
  expect(paths('DELETE /users/{id}/token')).toEqual([`/users/${encodeURIComponent('a/b%? ü')}/token`]);
  expect(await page.getByRole('button', { name: 'Disconnect' }).count()).toBe(0);

  await page.getByRole('link', { name: 'pump-1' }).click();
  await page.getByRole('button', { name: 'Disconnect' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
  await page.locator('.notice').getByText('The connection of pump-1 is being closed.').waitFor();
  expect(paths('DELETE /users/{id}/session')).toEqual(['/users/pump-1/session']);
});

test('an unknown user is shown as missing, and the page goes on', async () => {
  await ui.logInAt('#/users/nobody');
  await ui.page.getByText('This user cannot be shown: there is no such user.').waitFor();
  await ui.page.getByRole('link', { name: 'pump-1' }).click();
  await ui.page.getByText('No. 3, acknowledges').waitFor();
});

test('the history has receipts, and the recipients on request', async () => {
  const command = { from: OPERATOR, accepted_at: Date.now(), command_id: 103, id: '7' };
  ui.api.commands = [
    { ...command, to: ['pump-1', 'b'], recipients: 9, receipt: { recipients: 9, states: { written: 7, failed: 2 } } },
    { ...command, id: '6', command_id: 104, to: null, recipients: null, receipt: null },
    { ...command, id: '5', command_id: 2007, to: ['b'], recipients: 1, receipt: { recipients: 1, states: null } },
  ];
  ui.api.answer('GET /commands/{id}', () =>
    done({ recipients: [{ phone_number: 'ghost', state: 'failed', reason: 'unknown_user' }] }),
  );
  const page = await ui.logInAt('#/history');
  const rows = page.getByRole('list', { name: 'History' }).locator('> li');
  await rows.nth(0).getByText('Failed 2').waitFor();
  await rows.nth(0).getByText('and 7 more').waitFor();
  await rows.nth(1).getByText('Everyone connected').waitFor();
  await rows.nth(1).getByText('No receipt was asked for').waitFor();
  await rows.nth(2).getByText('Application 2007').waitFor();
  expect(ui.api.requestsOf('GET /commands/{id}')).toEqual([]);
  await rows.nth(0).getByText('9 recipients').click();
  await rows.nth(0).getByText('unknown_user').waitFor();

  await page.getByLabel('Me', { exact: true }).check();
  await page.getByRole('searchbox').fill('pump-1');
  await until('the search is asked', () => {
    const query = ui.api.requestsOf('GET /commands').at(-1)?.url.searchParams;
    return query?.get('from') === OPERATOR && query.get('to') === 'pump-1';
  });
  await page.getByRole('link', { name: 'pump-1' }).click();
  await page.getByRole('heading', { name: 'pump-1' }).waitFor();
});

test('a stored message can be taken back, after a question', async () => {
  const command = { id: '7', from: OPERATOR, accepted_at: Date.now(), command_id: 102, to: ['b'], recipients: 1 };
  ui.api.commands = [
    { ...command, receipt: { recipients: 1, states: { stored: 1 } } },
    { ...command, id: '6', receipt: { recipients: 1, states: { written: 1 } } },
  ];
  ui.api.answer('DELETE /commands/{id}', () => {
    ui.api.commands = [{ ...command, receipt: { recipients: 1, states: { cancelled: 1 } } }];
    return done({ cancelled: 1, too_late: 0 });
  });
  const page = await ui.logInAt('#/history');
  await page.getByText('Written to the connection').waitFor();
  expect(await page.getByRole('button', { name: 'Take back command' }).count()).toBe(1);
  await page.getByRole('button', { name: 'Take back command 7' }).click();
  await page.getByRole('dialog').getByText('They will not get it.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
  await page.locator('.command-result').getByText('Taken back: 1. Too late for: 0.').waitFor();
  await page.locator('.state.cancelled').waitFor();
  expect(paths('DELETE /commands/{id}')).toEqual(['/commands/7']);
});

test('dead letters are retried and deleted, one or all, and counted beside the name of the view', async () => {
  const letter = (n: number) => ({ id: `${n}-0123456789abcde${n}`, entry: `entry ${n}`, reason: 'not JSON' });
  ui.api.letters = [letter(3), letter(2), letter(1), { ...letter(0), reason: null, chat_to: ['ghost'] }];
  const page = await ui.logInAt('#/queue');
  const rows = page.getByRole('list', { name: 'Dead letters' }).locator('> li');
  await page.getByRole('link', { name: '4 dead letters' }).waitFor();
  await rows.nth(3).getByText('Not put here by a gateway').waitFor();
  await rows.nth(3).getByText('ghost').waitFor();
  await rows.filter({ hasText: 'entry 2' }).getByRole('button', { name: 'Retry' }).click();
  await rows.filter({ hasText: 'entry 2' }).waitFor({ state: 'detached' });
  expect(paths('POST /dead-letters/{id}/retry')).toEqual(['/dead-letters/2-0123456789abcde2/retry']);

  await rows.filter({ hasText: 'entry 3' }).getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await rows.filter({ hasText: 'entry 3' }).waitFor({ state: 'detached' });
  expect(paths('DELETE /dead-letters/{id}')).toEqual(['/dead-letters/3-0123456789abcde3']);

  await page.getByRole('button', { name: 'Retry all shown' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Retry all shown' }).click();
  await page.getByText('No dead letters.').waitFor();
  // The oldest first: that is their order in the queue.
  expect(
    paths('POST /dead-letters/{id}/retry')
      .slice(1)
      .map((path) => path[14]),
  ).toEqual(['0', '1']);
});

test('a dead letter that was taken meanwhile is shown as gone', async () => {
  ui.api.letters = [{ id: '0-0123456789abcdef', entry: 'x', reason: 'not JSON' }];
  ui.api.answer('POST /dead-letters/{id}/retry', () =>
    refused(404, 'there is no such dead letter: it may have been retried or deleted'),
  );
  await ui.logInAt('#/queue');
  await ui.page.getByRole('button', { name: 'Retry' }).click();
  await ui.page.locator('.letter').getByText('there is no such dead letter').waitFor();
});

test('a service token is made, shown once, and revoked', async () => {
  const page = await ui.logInAt('#/tokens');
  await page.getByText('No program has a token.').waitFor();
  await page.getByRole('button', { name: 'Make the token' }).click();
  await page.getByRole('alert').getByText('Give it a name.').waitFor();
  await page.getByLabel('Name').fill('billing');
  await page.getByLabel('Only to these users').fill('pump-1\n\n pump-2 ');
  await page.getByLabel('Valid for').selectOption('1 day');
  await page.getByRole('button', { name: 'Make the token' }).click();
  expect(await page.getByLabel('The new token').inputValue()).toBe('fts_secret');
  expect(bodies('POST /service-tokens')).toEqual([
    { name: 'billing', scopes: ['send'], recipients: ['pump-1', 'pump-2'], ttl_s: 86_400 },
  ]);
  await page.getByRole('button', { name: 'I have it' }).click();
  expect(await page.getByText('fts_secret').count()).toBe(0);
  await page.getByText('pump-1, pump-2').waitFor();
  await page.getByRole('button', { name: 'Revoke billing' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('No program has a token.').waitFor();
});

test('the gateways with their figures, and a chart that is updated', async () => {
  let delivered = 1_000;
  ui.api.answer('GET /stats', () => {
    delivered += 500;
    const facts = { delivered: String(delivered), renewed_at: String(Date.now()), started_at: '1', port: '8124' };
    return done({
      connected: 30,
      users: 40,
      queue: { waiting: 0, dead: 0 },
      deliveries: { stored: delivered, acknowledged: delivered },
      gateways: [
        { id: 'g-one', live: true, sessions: 20, inbox: 7, facts },
        { id: 'g-two', live: false, sessions: 10, inbox: 0, facts },
      ],
    });
  });
  const page = await ui.logInAt('#/gateways');
  await page.getByRole('row', { name: /g-one 20 .* 7 8124/ }).waitFor();
  await page.getByRole('row', { name: /g-two lease over/ }).waitFor();
  const chart = page.locator('.chart', { hasText: 'Messages per second' });
  await until('a rate is known', async () => /Delivered [1-9]/.test(await chart.locator('.legend').innerText()));
  const drawing = chart.getByRole('img', {
    name: /^Messages per second\. Delivered: now [\d.]+, from [\d.]+ to [\d.]+/,
  });
  const drawn = () => drawing.locator('.chart-line').first().getAttribute('d');
  const before = await drawn();
  await until('the line goes on', async () => (await drawn()) !== before);
  const box = await drawing.boundingBox();
  await page.mouse.move((box?.x ?? 0) + 60, (box?.y ?? 0) + 60);
  await chart.getByText('now', { exact: true }).waitFor({ state: 'detached' });
  await chart.getByText('As a table').click();
  await chart.getByRole('columnheader', { name: 'Delivered' }).waitFor();
});

test('an application message goes to chosen users, as the object that was written', async () => {
  const page = await ui.logInAt('#/send');
  await page.getByLabel('Application').check();
  await page.getByLabel('Everyone connected').check();
  await page.locator('#content').press('Control+Enter');
  await page.locator('#compose-problem').getByText('needs chosen users').waitFor();
  await page.getByLabel('Chosen users').check();
  await page.getByLabel('All found').check();
  await page.getByLabel('Command ID').fill('1999');
  await page.locator('#content').press('Control+Enter');
  await page.locator('#compose-problem').getByText('2000 to 2999').waitFor();
  await page.getByLabel('Command ID').fill('2042');
  await page.locator('#content').fill('[1]');
  await page.locator('#content').press('Control+Enter');
  await page.locator('#compose-problem').getByText('Write a JSON object').waitFor();
  await page.locator('#content').fill('{"open": true}');
  await page.locator('#content').press('Control+Enter');
  await page.locator('.send.good').getByText('{"open":true}').waitFor();
  expect(bodies('POST /send-command')).toEqual([
    { command_id: 2042, chat_to: ['pump-1', 'a/b%? ü'], content: { open: true }, receipt: true },
  ]);
  expect(await page.locator('#content').inputValue()).toBe('');
});

test('every view shows loading, empty and API-away states', async () => {
  ui.api.users = [];
  const routes = ['GET /users', 'GET /commands', 'GET /dead-letters', 'GET /service-tokens'];
  for (const route of routes) ui.api.answer(route, () => refused(503, 'away', { 'retry-after': '1' }));
  const page = await ui.logInAt('#/users');
  const views: [string, string][] = [
    ['Users', 'There are no users yet.'],
    ['History', 'Nothing was sent over HTTP yet'],
    ['Queue', 'No dead letters.'],
    ['Tokens', 'No program has a token.'],
  ];
  for (const [name] of views) {
    await page.getByRole('navigation').getByRole('link', { name }).click();
    await page.locator('[aria-busy=true]').first().waitFor();
    await page.getByRole('alert').getByText('not available at the moment').waitFor();
  }
  for (const route of routes) ui.api.answer(route, undefined);
  for (const [name, words] of views) {
    await page.getByRole('navigation').getByRole('link', { name }).click();
    await page.getByText(words).first().waitFor();
  }
});
