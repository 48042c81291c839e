import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NAME = 'FRONTTCP_RUN_FOLDER';

/**
 * A folder of this run of the tests, of which all its processes know by their environment. The process that asks first makes
 * it, and removes it at its end.
 */
export function runFolder(): string {
  const known = process.env[NAME];
  if (known !== undefined) return known;
  const made = mkdtempSync(join(tmpdir(), 'fronttcp-run-'));
  process.env[NAME] = made;
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  return made;
}
