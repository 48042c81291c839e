import { expect, test } from 'vitest';
import { sideways, violations } from './support/axe.ts';
import { done, refused } from './support/scripted-api.ts';
import { setUpConsole } from './support/setup.ts';

let groups: Map<string, string[]>;
const ui = setUpConsole((setup) => {
  groups = new Map([['north', ['pump-1', 'pump-2']]]);
  const nameOf = (url: URL) => decodeURIComponent(url.pathname.split('/')[2] ?? '');
  setup.api.answer('GET /groups', () => done({ groups: [...groups.keys()], cursor: null }));
  setup.api.answer('GET /groups/{id}/members', ({ url }) => {
    const members = groups.get(nameOf(url));
    return members ? done({ members, size: members.length, cursor: null }) : refused(404, 'there is no such group');
  });
  setup.api.answer('PUT /groups/{id}/members', ({ url, body }) => {
    const { add = [], remove = [] } = body as { add?: string[]; remove?: string[] };
    const members = [...(groups.get(nameOf(url)) ?? []), ...add].filter((id) => !remove.includes(id));
    groups.set(nameOf(url), members);
    return done({ members: members.length });
  });
  setup.api.answer('DELETE /groups/{id}', ({ url }) => {
    groups.delete(nameOf(url));
    return done();
  });
});

test('members are listed, added and removed, and a group is deleted after a question', async () => {
  const page = await ui.logInAt('#/groups');
  await page.getByRole('link', { name: 'north' }).click();
  await page.getByText('2 members').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByLabel('Add user IDs').fill('pump-3\n\n pump-4 ');
  await page.getByRole('button', { name: 'Add members' }).click();
  await page.getByText('4 members').waitFor();
  expect(await page.getByLabel('Add user IDs').inputValue()).toBe('');
  await page.getByRole('button', { name: 'Remove pump-1 from the group' }).click();
  await page.getByText('3 members').waitFor();
  expect(groups.get('north')).toEqual(['pump-2', 'pump-3', 'pump-4']);
  await page.getByRole('button', { name: 'Delete group' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete group' }).click();
  await page.getByText('There are no groups yet.').waitFor();
});

test('a new group is named, and exists from its first member on', async () => {
  const page = await ui.logInAt('#/groups');
  await page.getByLabel('New or known group').fill('south:1');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByText('The group exists from the first one on.').waitFor();
  await page.getByLabel('Add user IDs').fill('pump-9');
  await page.getByRole('button', { name: 'Add members' }).click();
  await page.getByRole('link', { name: 'south:1' }).waitFor();
  await page.setViewportSize({ width: 360, height: 740 });
  expect(await sideways(page)).toBe(0);
  expect(await violations(page)).toEqual([]);
});
