import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { fencesOf } from '../docs/support/fences.ts';
import { startProcess } from '../kit/process.ts';

const blocks = fencesOf('ops/README.md').filter(({ language }) => language === 'yaml');

it.each(blocks.map(({ line, text }) => [line, text] as const))(
  'the configuration at line %i of ops/README.md is one that Prometheus takes',
  async (_, text) => {
    const folder = mkdtempSync(join(tmpdir(), 'fronttcp-scrape-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'prometheus.yml'), text);
    const check = startProcess('promtool', ['check', 'config', join(folder, 'prometheus.yml')]);
    expect((await check.exit).code, check.output()).toBe(0);
  },
);
