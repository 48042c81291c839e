import { day } from '../../state/day.ts';
import { type Problem, problemsOf } from '../../state/health.ts';
import { stats } from '../../state/live.ts';
import { hrefOf } from '../../state/view.ts';
import { countText, text } from '../../texts/texts.ts';

/** One sentence: all is well, or the trouble and where to look. */
export function Verdict() {
  const figures = stats.value;
  if (!figures) return null;
  const problems = problemsOf(figures, day.value);
  const [first, ...others] = problems;
  const live = figures.gateways.filter((gateway) => gateway.live).length;
  if (!first) {
    return (
      <p class="verdict good" role="status">
        <span class="verdict-mark" aria-hidden="true">
          ✓
        </span>
        {text('overview.well', {
          clients: countText('status.connected', figures.connected),
          gateways: countText('status.gateways', live),
        })}
      </p>
    );
  }
  return (
    <div class={`verdict ${first.isBad ? 'bad' : 'warn'}`} role="status">
      <p>
        <span class="verdict-mark" aria-hidden="true">
          !
        </span>
        <Trouble problem={first} />
      </p>
      {others.length > 0 && (
        <ul>
          {others.map((problem) => (
            <li key={problem.kind}>
              <Trouble problem={problem} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Trouble({ problem: { kind, n, view } }: { problem: Problem }) {
  return (
    <>
      {countText(`overview.${kind}`, n)}{' '}
      <a href={hrefOf(view)}>{text('overview.look', { view: text(`nav.${view}`) })}</a>
    </>
  );
}
