// npm run bench: measures, shows the tables, keeps the result. `-- --help` tells the options.
import { basename, relative } from 'node:path';
import { parseOptions } from './options.ts';
import { writeDocument } from './report/document.ts';
import { type ResultFile, writeResults } from './report/results.ts';
import { markdown } from './report/table.ts';
import { measureAll } from './rounds.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { scenarioFiles } from './scenarios/scenarios.ts';
import { stopSharedRedis } from './servers/fronttcp.ts';
import type { Server } from './servers/server.ts';
import { servers } from './servers/servers.ts';
import { isPriorityRefused } from './support/child.ts';
import { describeCommit, describeMachine } from './support/machine.ts';
import { results, root } from './support/paths.ts';

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const options = parseOptions(process.argv.slice(2), say);
const { plan } = options;

const isAsked = (name: string): boolean =>
  name === 'fronttcp' ||
  name === 'fronttcp native' ||
  (name === 'fronttcp beside'
    ? plan.beside !== undefined
    : name === 'prototype'
      ? plan.prototype !== undefined
      : options.peers.some((part) => name.includes(part)));
const wanted = servers.filter(({ name }) => isAsked(name));
const leftOut: { name: string; why: string }[] = [];
const present: Server[] = [];
if (!options.isList) {
  for (const server of wanted) {
    const why = await server.missing(plan);
    if (why === undefined) present.push(server);
    else leftOut.push({ name: server.name, why });
  }
}
const scenarios: Scenario[] = scenarioFiles
  .flatMap((make) => make(options.isList ? wanted : present, plan))
  .filter(({ id, isQuick }) =>
    options.only.length > 0 ? options.only.some((part) => id.includes(part)) : !plan.isQuick || isQuick,
  );

if (options.isList) {
  for (const { id, title, contestants } of scenarios) {
    process.stdout.write(`${id}: ${title} (${contestants.map(({ name }) => name).join(', ')})\n`);
  }
} else {
  for (const { name, why } of leftOut) say(`left out: ${name} (${why})`);
  const startedAt = new Date().toISOString();
  const { commit, hasLocalChanges } = await describeCommit();
  const measured = await measureAll(scenarios, plan);
  await stopSharedRedis();
  const result: ResultFile = {
    format: 1,
    startedAt,
    commit,
    hasLocalChanges,
    machine: describeMachine(),
    node: process.versions.node,
    versions: Object.fromEntries(
      await Promise.all(present.flatMap((s) => (s.version ? [s.version(plan).then((v) => [s.name, v] as const)] : []))),
    ),
    options: {
      isQuick: plan.isQuick,
      rounds: plan.rounds,
      windowSeconds: plan.seconds,
      niceness: isPriorityRefused() ? 0 : plan.niceness,
      pinned: plan.serverCpus !== undefined,
    },
    leftOut,
    scenarios: measured,
  };
  const file = options.out ?? `${results}/${startedAt.slice(0, 19).replaceAll(/[-:]/g, '')}-${commit}.json`;
  await writeResults(file, result);
  process.stdout.write(`${markdown(result)}\n\n`);
  say(`result: ${relative(root, file) || basename(file)}`);
  if (options.writesDocument) await writeDocument(result);
  const failed = measured.flatMap(({ id, contestants }) =>
    contestants.filter(({ samples }) => samples.length === 0).map(({ name, error }) => `${id}, ${name}: ${error}`),
  );
  for (const line of failed) say(`FAILED ${line}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}
