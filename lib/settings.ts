import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { settingsSchema } from './settings-schema.ts';

/** The default export of a settings file: `export default { … } satisfies Settings`. */
export type Settings = z.input<typeof settingsSchema>;
export type ParsedSettings = z.output<typeof settingsSchema>;

/** @throws with every mistake, each with its place. */
export function parseSettings(value: unknown, source: string): ParsedSettings {
  const result = settingsSchema.safeParse(value);
  if (!result.success) throw new Error(`${source}: ${z.prettifyError(result.error)}`);
  return result.data;
}

/** The default export of a .ts, .js or .mjs module, or the content of a .json file, as it is. */
export async function readSettingsFile(path: string): Promise<unknown> {
  const absolute = resolve(path);
  if (extname(absolute) === '.json') return JSON.parse(await readFile(absolute, 'utf8'));
  const module: { default?: unknown } = await import(pathToFileURL(absolute).href);
  return module.default;
}
