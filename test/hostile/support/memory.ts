import { collectGarbage } from '../../kit/garbage.ts';

/** Preloaded into a program under attack: at SIGUSR2 it collects garbage and says what memory it holds. */
let asked = 0;
process.on('SIGUSR2', () => {
  collectGarbage();
  asked += 1;
  process.stdout.write(`memory ${asked}: ${process.memoryUsage.rss()}\n`);
});
