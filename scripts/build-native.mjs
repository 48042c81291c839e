// The addon of gateway/net, for every target with an installed compiler: gateway/net/native/<platform>-<arch>.node.
// usage: node scripts/build-native.mjs [--out <directory>] [--sanitize]     (--sanitize: this machine's alone, for its tests)
// The same compiler gives the same bytes. It is optional: without the file the gateway uses node:net.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({ options: { out: { type: 'string' }, sanitize: { type: 'boolean' } } });
const source = 'gateway/net/native/net.c';
const out = options.out ?? join(root, 'gateway/net/native');
const headers = createRequire(import.meta.url)('node-api-headers').include_dir;

const isMachine = (arch) => process.platform === 'linux' && process.arch === arch;
/** The names of Debian's cross compilers; on a machine of that architecture, `cc` comes first. */
const targets = [
  { name: 'linux-x64', compilers: [...(isMachine('x64') ? ['cc'] : []), 'x86_64-linux-gnu-gcc'] },
  { name: 'linux-arm64', compilers: [...(isMachine('arm64') ? ['cc'] : []), 'aarch64-linux-gnu-gcc'] },
];

const warnings = ['-Wall', '-Wextra', '-Werror', '-Wconversion', '-Wno-sign-conversion', '-Wshadow'];
const common = ['-std=c17', '-fPIC', '-shared', '-fvisibility=hidden', ...warnings, '-isystem', headers];
// The file contains no path, time or id of the build.
const release = ['-O2', '-g0', `-ffile-prefix-map=${root}=`, '-Wl,--build-id=none', '-Wl,-s', '-Wl,-z,relro,-z,now'];
const sanitized = ['-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

const has = (compiler) => {
  try {
    execFileSync(compiler, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

mkdirSync(out, { recursive: true });
let built = 0;
for (const { name, compilers } of targets) {
  const isOurs = name === `${process.platform}-${process.arch}`;
  if (options.sanitize && !isOurs) continue;
  const compiler = compilers.find(has);
  if (compiler === undefined) {
    console.log(`${name}: no compiler (${compilers.join(' or ')}), left out`);
    continue;
  }
  const file = join(out, `${name}.node`);
  execFileSync(compiler, [...common, ...(options.sanitize ? sanitized : release), '-o', file, source], {
    cwd: root,
    stdio: 'inherit',
  });
  built += 1;
  console.log(`${name}: ${relative(process.cwd(), file)} (${compiler})`);
}
if (built === 0) {
  console.error('No compiler was found. The gateway works without: it uses node:net.');
  process.exit(1);
}
