import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { oncePerRun } from './once.ts';

it('is made by the first test that needs it, and found complete by the others', async () => {
  const name = randomUUID();
  let made = 0;
  const make = async (folder: string): Promise<void> => {
    made += 1;
    await writeFile(join(folder, 'part'), '');
  };
  const folders = await Promise.all([1, 2, 3].map(() => oncePerRun(name, make)));
  expect(made).toBe(1);
  expect(new Set(folders).size).toBe(1);
  expect(existsSync(join(folders[0] ?? '', 'part'))).toBe(true);
});

it('gives every test the reason when it could not be made', async () => {
  const name = randomUUID();
  const make = (): Promise<void> => Promise.reject(new Error('no room'));
  const tries = await Promise.allSettled([oncePerRun(name, make), oncePerRun(name, make)]);
  expect(tries.map((one) => one.status === 'rejected' && String(one.reason))).toEqual(Array(2).fill('Error: no room'));
});
