// npm run test:account -- --stack <name> [--teardown]: what only an account can tell of a deployed stack. It costs a few cents
// and ends connections; use a stack of its own, in which `fronttcp setup` has been run. Not part of npm test.
// The last line is the sum: "N passed, N failed".
import { parseArgs } from 'node:util';
import { readStack } from '../../cli/support/aws.ts';
import { accessList } from './access-list.ts';
import { rotation } from './rotation.ts';
import { sigterm } from './sigterm.ts';
import { teardown } from './teardown.ts';

const { values } = parseArgs({ options: { stack: { type: 'string' }, teardown: { type: 'boolean', default: false } } });
if (values.stack === undefined) throw new Error('usage: npm run test:account -- --stack <name> [--teardown]');
const stack = await readStack(values.stack);

/** In this order: the later ones end what the earlier ones need. */
const tests = { accessList, sigterm, rotation, ...(values.teardown ? { teardown } : {}) };

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  const startedAt = performance.now();
  try {
    const found = await test(stack);
    process.stdout.write(`ok   ${name} (${Math.round((performance.now() - startedAt) / 1000)} s): ${found}\n`);
  } catch (error) {
    failed += 1;
    process.stdout.write(`FAIL ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
process.stdout.write(`${Object.keys(tests).length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
