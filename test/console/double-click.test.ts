import type { Locator } from 'playwright-core';
import { expect, test } from 'vitest';
import { userBox, writeAndSend } from './support/browser.ts';
import { type Answered, done } from './support/scripted-api.ts';
import { setUpConsole } from './support/setup.ts';

const ui = setUpConsole((setup) => {
  setup.api.users = [{ phone_number: 'pump-1', online: true }];
});

const MEMBERS = 'PUT /groups/{id}/members';
const bodies = (route: string) => ui.api.requestsOf(route).map(({ body }) => body);

/** Holds back the answers of a route until the returned function is called. */
function hold(route: string, answer = done()): () => void {
  const held = Promise.withResolvers<Answered>();
  ui.api.answer(route, () => held.promise);
  return () => held.resolve(answer);
}

/** The second click of a double click, after the page has changed. */
async function clickAgain(button: Locator): Promise<void> {
  const { mouse } = button.page();
  await button.hover();
  await mouse.down({ clickCount: 2 });
  await mouse.up({ clickCount: 2 });
}

/** The group `north` of three members. */
function answerGroup(): void {
  let members = ['pump-1', 'pump-2', 'pump-3'];
  ui.api.answer('GET /groups', () => done({ groups: ['north'], cursor: null }));
  ui.api.answer('GET /groups/{id}/members', () => done({ members, size: members.length, cursor: null }));
  ui.api.answer(MEMBERS, ({ body }) => {
    const { remove = [] } = body as { remove?: string[] };
    members = members.filter((id) => !remove.includes(id));
    return done({ members: members.length });
  });
}

test('a double click sends a message once, and another message need not wait', async () => {
  const page = await ui.logInAt('#/send');
  await userBox(page, 'pump-1').check();
  const release = hold('POST /send-command', done({ id: '1', recipients: { online: 1 } }));
  await page.locator('#content').fill('once');
  await page.getByRole('button', { name: 'Send to 1 client' }).dblclick();
  await page.locator('#content').press('Control+Enter');
  expect(await page.locator('.send').count()).toBe(1);
  await writeAndSend(page, 'another');
  expect(await page.locator('.send').count()).toBe(2);
  release();
  await page.locator('.log').getByText('Sent to 1 online').nth(1).waitFor();
  expect(bodies('POST /send-command')).toHaveLength(2);
});

test('a double click makes one service token', async () => {
  const page = await ui.logInAt('#/tokens');
  const made = { id: 'f'.repeat(24), token: 'fts_secret', expires_at: 4_000_000_000 };
  const release = hold('POST /service-tokens', done(made));
  await page.getByLabel('Name').fill('billing');
  await page.getByRole('button', { name: 'Make the token' }).dblclick();
  release();
  await page.getByLabel('The new token').waitFor();
  expect(bodies('POST /service-tokens')).toHaveLength(1);
});

test('a double click adds one user', async () => {
  const page = await ui.logInAt('#/users');
  const release = hold('POST /users');
  await page.getByLabel('User ID').fill('pump-2');
  await page.getByRole('button', { name: 'Add', exact: true }).dblclick();
  release();
  await page.getByRole('heading', { name: 'pump-2' }).waitFor();
  expect(bodies('POST /users')).toHaveLength(1);
});

test('a double click, or a key pressed twice, adds and removes members of a group once', async () => {
  answerGroup();
  const page = await ui.logInAt('#/groups/north');
  const releaseAdded = hold(MEMBERS, done({ members: 4 }));
  await page.getByLabel('Add user IDs').fill('pump-4');
  await page.getByRole('button', { name: 'Add members' }).dblclick();
  releaseAdded();
  await page.getByRole('status').getByText('Added: 1.').waitFor();

  const releaseRemoved = hold(MEMBERS, done({ members: 3 }));
  const remove = page.getByRole('button', { name: 'Remove pump-1 from the group' });
  await remove.press('Enter');
  await remove.press('Enter');
  releaseRemoved();
  await page.getByRole('status').getByText('pump-1 is removed from the group.').waitFor();
  expect(bodies(MEMBERS)).toEqual([{ add: ['pump-4'] }, { remove: ['pump-1'] }]);
});

test('a double click reads further waiting messages once', async () => {
  const page = await ui.logInAt('#/users/pump-1');
  const message = { id: '1838431748728999', command_id: 102, sent_at: 1_795_343_504_645, expires_at: null };
  const release = hold('GET /users/{id}/messages', done({ total: 21, messages: [message], cursor: null }));
  await page.getByRole('button', { name: 'Show 20 more' }).dblclick();
  release();
  await page.getByRole('list', { name: 'Waiting messages' }).getByText(message.id).waitFor();
  expect(ui.api.requestsOf('GET /users/{id}/messages')).toHaveLength(1);
});

test('the second click of a double click does nothing to the row that has moved under the pointer', async () => {
  answerGroup();
  let page = await ui.logInAt('#/groups/north');
  const remove = (id: string) => page.getByRole('button', { name: `Remove ${id} from the group` });
  await remove('pump-1').click();
  await remove('pump-1').waitFor({ state: 'detached' });
  await clickAgain(remove('pump-2'));
  await remove('pump-3').click();
  await remove('pump-3').waitFor({ state: 'detached' });
  expect(bodies(MEMBERS)).toEqual([{ remove: ['pump-1'] }, { remove: ['pump-3'] }]);

  ui.api.letters = [3, 2, 1].map((n) => ({ id: `${n}-0123456789abcde${n}`, entry: `entry ${n}`, reason: 'not JSON' }));
  page = await ui.logInAt('#/queue');
  const row = (n: number) => page.locator('.letter', { hasText: `entry ${n}` });
  const retry = (n: number) => row(n).getByRole('button', { name: 'Retry' });
  await retry(3).click();
  await row(3).waitFor({ state: 'detached' });
  await clickAgain(retry(2));
  await retry(1).click();
  await row(1).waitFor({ state: 'detached' });
  const retried = ui.api.requestsOf('POST /dead-letters/{id}/retry').map(({ url }) => url.pathname.split('/')[2]);
  expect(retried).toEqual(['3-0123456789abcde3', '1-0123456789abcde1']);
});

test('the second click of a double click confirms no question that the first one opened', async () => {
  let page = await ui.logInAt('#/users/pump-1');
  await page.getByRole('button', { name: 'Make a token' }).click();
  const make = page.getByRole('dialog').getByRole('button', { name: 'Make the token' });
  await clickAgain(make);
  await make.click();
  await page.getByLabel('The new token').waitFor();
  expect(bodies('POST /users/{id}/token')).toHaveLength(1);

  await page.getByRole('button', { name: 'Revoke token' }).click();
  const revoke = page.getByRole('dialog').getByRole('button', { name: 'Revoke token' });
  await clickAgain(revoke);
  await revoke.click();
  await page.locator('.notice').getByText('The token of pump-1 is revoked.').waitFor();
  expect(bodies('DELETE /users/{id}/token')).toHaveLength(1);

  page = await ui.logInAt('#/send');
  await page.getByLabel('Everyone connected').check();
  await writeAndSend(page, 'to all');
  const send = page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true });
  await clickAgain(send);
  await send.click();
  await page.locator('.send.good').waitFor();
  expect(bodies('POST /send-command')).toHaveLength(1);
});
