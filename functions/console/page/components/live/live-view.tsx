import {
  clearTail,
  followed,
  isPaused,
  KINDS,
  kinds,
  type NumberedLine,
  shownLines,
  skipped,
} from '../../state/tail.ts';
import { hrefOf } from '../../state/view.ts';
import { countText, text } from '../../texts/texts.ts';
import { clockText } from '../../texts/times.ts';
import { kindText } from '../kinds.ts';
import { SearchInput } from '../search-input.tsx';
import { ViewFrame } from '../view-frame.tsx';
import { reasonText, whatText, whatTone } from './what.ts';

/** Events as they happen: connects, disconnects, deliveries and refusals. Ids and codes, no contents. */
export function LiveView() {
  return (
    <ViewFrame heading={text('nav.live')} tools={<Tools />}>
      <section class="card panel" aria-label={text('nav.live')}>
        <div class="filter">
          <SearchInput
            label={text('live.user')}
            hint={text('live.userHint')}
            value={followed.value}
            onSearch={(value) => {
              followed.value = value;
            }}
          />
          {KINDS.map((kind) => (
            <label key={kind} class="check">
              <input
                type="checkbox"
                checked={kinds.value.has(kind)}
                onChange={({ currentTarget }) => {
                  const next = new Set(kinds.value);
                  if (currentTarget.checked) next.add(kind);
                  else next.delete(kind);
                  kinds.value = next;
                }}
              />
              <span>{text(`live.${kind}`)}</span>
            </label>
          ))}
        </div>
        <Lines />
      </section>
    </ViewFrame>
  );
}

function Tools() {
  return (
    <div class="actions">
      <button type="button" class="quiet" onClick={clearTail}>
        {text('live.clear')}
      </button>
      <button
        type="button"
        aria-pressed={isPaused.value}
        onClick={() => {
          isPaused.value = !isPaused.value;
        }}
      >
        {text(isPaused.value ? 'live.resume' : 'live.pause')}
      </button>
    </div>
  );
}

function Lines() {
  const lines = shownLines.value;
  return (
    <>
      {isPaused.value && <p class="notice warn">{text('live.paused')}</p>}
      {skipped.value > 0 && <p class="muted">{countText('live.skipped', skipped.value)}</p>}
      {lines.length === 0 ? (
        <p class="empty tall">{text('live.none')}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and may hold nothing that takes the focus
        <ol class="rows tail" aria-label={text('nav.live')} tabIndex={0}>
          {lines.map((line) => (
            <Line key={line.number} line={line} />
          ))}
        </ol>
      )}
    </>
  );
}

function Line({ line }: { line: NumberedLine }) {
  const { at, type, user, command, message, way, reason, gateway } = line;
  return (
    <li class="row tail-row">
      <time dateTime={new Date(at).toISOString()}>{clockText(at)}</time>
      <span class={`state ${whatTone(type)}`}>{whatText(type)}</span>
      {user === undefined ? (
        <span />
      ) : (
        <a href={hrefOf('users', user)}>
          <bdi class="mono">{user}</bdi>
        </a>
      )}
      <span class="tail-more">
        {command !== undefined && <span class="tag">{kindText(command)}</span>}
        {way !== undefined && <span class="muted">{wayText(way)}</span>}
        {reason !== undefined && reason !== '' && <span>{reasonText(reason)}</span>}
        {message !== undefined && <bdi class="mono muted">{message}</bdi>}
      </span>
      <bdi class="mono muted tail-gateway">{gateway}</bdi>
    </li>
  );
}

const WAYS = ['direct', 'inbox', 'mailbox', 'broadcast'] as const;

function wayText(way: string): string {
  const known = WAYS.find((one) => one === way);
  return known ? text(`live.way.${known}`) : way;
}
