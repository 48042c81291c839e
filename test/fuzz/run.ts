import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** `npm run fuzz -- --seconds N [--seed S]`: the fuzzer of test/fuzz/fuzz.test.ts for as long as one likes. */
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } } });
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds ${values.seconds} is not a number of seconds`);

const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/fuzz/fuzz.test.ts'], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  env: {
    ...process.env,
    FUZZ_SECONDS: values.seconds,
    ...(values.seed === undefined ? {} : { FUZZ_SEED: values.seed }),
  },
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
