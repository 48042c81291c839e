import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { buildPage, generatedFile, serializePage } from '../../functions/console/build-page.ts';
import { renderConsole } from '../../functions/console/document.ts';

const run = promisify(execFile);
const source = fileURLToPath(new URL('../../functions/console/document.ts', import.meta.url));

test('the generated page is that of the sources: npm run console makes it', async () => {
  expect(serializePage(await buildPage()) === (await readFile(generatedFile, 'utf8'))).toBe(true);
});

test('one document: nothing is loaded from anywhere', () => {
  const { html } = renderConsole();
  const markup = html.replace(/<(script|style)>[\s\S]*?<\/\1>/g, '');
  expect(markup.match(/(?:src|href)="(?!data:)/g)).toBeNull();
  expect(html).not.toMatch(/@import|url\(/);
});

test('the document stays small: a console is opened over slow lines, too', () => {
  const { html } = renderConsole();
  expect(Buffer.byteLength(html)).toBeLessThan(220_000);
  expect(gzipSync(html).length).toBeLessThan(80_000);
});

test('the policy allows the script and the style of the document by their hashes, and nothing else', () => {
  const { html, contentSecurityPolicy } = renderConsole();
  expect(contentSecurityPolicy.split('; ')).toEqual([
    "default-src 'none'",
    `script-src ${hashOf(html, 'script')}`,
    `style-src ${hashOf(html, 'style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ]);
});

test('a bundle of the function has the same page, without a file beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-console-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const outfile = join(folder, 'index.mjs');
  await build({ entryPoints: [source], outfile, bundle: true, minify: true, platform: 'node', format: 'esm' });
  expect(await renderedBy(outfile)).toEqual(renderConsole());
});

test('Node runs the sources as they are', async () => {
  expect(await renderedBy(source)).toEqual(renderConsole());
});

async function renderedBy(file: string): Promise<unknown> {
  const program = `const { renderConsole } = await import(${JSON.stringify(pathToFileURL(file).href)});
    process.stdout.write(JSON.stringify(renderConsole()));`;
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program]);
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

/** What a browser hashes: all between the tags, where the first closing tag ends it. */
function hashOf(html: string, element: 'script' | 'style'): string {
  const from = html.indexOf(`<${element}>`) + element.length + 2;
  const content = html.slice(from, html.indexOf(`</${element}`, from));
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}
