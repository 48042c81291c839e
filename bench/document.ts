// node bench/document.ts RESULT.json…: writes docs/performance.md and its plots from results that are there.
import { readMillion } from './million/result.ts';
import { writeDocument, writeMillionDocument } from './report/document.ts';
import { readResults } from './report/results.ts';

const files = process.argv.slice(2);
if (files.length === 0) {
  process.stderr.write('usage: node bench/document.ts bench/results/RUN.json [bench/results/million-RUN.json]\n');
  process.exit(2);
}
for (const file of files) {
  if (/million/.test(file)) await writeMillionDocument(await readMillion(file));
  else await writeDocument(await readResults(file));
}
