import { letters, totalLetters } from '../../state/dead-letters.ts';
import { SAMPLE_GAP_MS, samples } from '../../state/figures.ts';
import { stats } from '../../state/live.ts';
import { numberText } from '../../texts/numbers.ts';
import { text } from '../../texts/texts.ts';
import { Chart } from '../chart/chart.tsx';
import { LoadMore } from '../load-more.tsx';
import { Loading } from '../loading.tsx';
import { Tile } from '../tile.tsx';
import { ViewFrame } from '../view-frame.tsx';
import { AllLetters } from './all-letters.tsx';
import { Letter } from './letter.tsx';

/** The waiting entries of the public queue, and its dead letters. */
export function QueueView() {
  const shown = samples.value;
  const figures = stats.value;
  return (
    <ViewFrame heading={text('nav.queue')}>
      <div class="queue-figures">
        <div class="tiles">
          <Tile label={text('queue.waiting')} value={figures?.queue.waiting ?? '–'} />
          <Tile
            label={text('queue.dead')}
            value={figures?.queue.dead ?? '–'}
            {...(figures && figures.queue.dead > 0 ? { tone: 'bad' as const } : {})}
          />
        </div>
        <Chart
          title={text('queue.chart')}
          times={shown.map(({ atMs }) => atMs)}
          series={[{ label: text('queue.waiting'), values: shown.map(({ waiting }) => waiting) }]}
          format={numberText}
          gapMs={SAMPLE_GAP_MS}
        />
      </div>
      <section class="card panel" aria-labelledby="letters-heading">
        <div class="card-head">
          <h2 id="letters-heading">{text('queue.dead')}</h2>
          <AllLetters />
        </div>
        <p class="muted lead">{text('queue.lead')}</p>
        <Letters />
      </section>
    </ViewFrame>
  );
}

function Letters() {
  const pages = letters.pages.value;
  if (!pages) return <Loading rows={4} />;
  if (pages.items.length === 0) return <p class="empty tall">{text('queue.none')}</p>;
  return (
    <>
      <ul class="rows" aria-label={text('queue.dead')}>
        {pages.items.map((letter) => (
          <Letter key={letter.id.slice(letter.id.indexOf('-')) + letter.at} letter={letter} />
        ))}
      </ul>
      {pages.cursor !== undefined && (
        <p class="muted">{text('queue.shown', { n: pages.items.length, total: totalLetters.value })}</p>
      )}
      <LoadMore list={letters} />
    </>
  );
}
