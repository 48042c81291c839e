import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename } from 'node:fs/promises';
import { lastLines, run } from '../../local/redis/run.ts';
import { cache, root } from './paths.ts';

const compiled = new Map<string, Promise<string>>();

/** Compiles bench/load/<name>.c when it has changed, once however many ask, and returns the program's path. */
export function compile(name: 'floor' | 'loadgen'): Promise<string> {
  const program = compiled.get(name) ?? compileAnew(name);
  compiled.set(name, program);
  return program;
}

async function compileAnew(name: string): Promise<string> {
  const source = `${root}bench/load/${name}.c`;
  const digest = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 12);
  const program = `${cache}/${name}-${digest}`;
  const isThere = await access(program).then(
    () => true,
    () => false,
  );
  if (isThere) return program;
  await mkdir(cache, { recursive: true });
  const draft = `${program}.${process.pid}`;
  const flags = ['-O2', '-Wall', '-Wno-misleading-indentation', '-o', draft];
  const { code, output } = await run('cc', [...flags, source], { timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`cc could not compile ${source} (a C compiler is needed):\n${lastLines(output, 20)}`);
  await rename(draft, program);
  return program;
}
