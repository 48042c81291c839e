import { useEffect, useState } from 'preact/hooks';
import type { Failure } from '../../api/request.ts';
import { type Timeline as Found, readTimeline, type TimelineEntry } from '../../api/tail.ts';
import { failureText } from '../../texts/failures.ts';
import { text } from '../../texts/texts.ts';
import { clockText } from '../../texts/times.ts';
import { kindText } from '../kinds.ts';
import { reasonText, whatText, whatTone } from '../live/what.ts';
import { Loading } from '../loading.tsx';

/** What happened to one user, the newest first. Read anew when `version` has changed. */
export function Timeline({ id, version }: { id: string; version: string }) {
  const [found, setFound] = useState<Found | Failure>();
  useEffect(() => {
    const reading = new AbortController();
    void readTimeline(id, reading.signal).then((answer) => {
      if (!reading.signal.aborted) setFound(answer.ok ? answer.value : answer.failure);
    });
    return () => reading.abort();
  }, [id, version]);
  if (!found) return <Loading rows={3} />;
  if ('kind' in found) return <p class="bad-ink">{failureText(found)}</p>;
  return (
    <>
      {found.entries.length === 0 ? (
        <p class="empty">{text('timeline.none')}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and holds nothing that takes the focus
        <ol class="rows timeline" aria-label={text('timeline.heading')} tabIndex={0}>
          {found.entries.map((entry) => (
            <Entry key={`${entry.at} ${entry.what} ${entry.message ?? entry.gateway}`} entry={entry} />
          ))}
        </ol>
      )}
      {found.events_since !== null && (
        <p class="muted">{text('timeline.since', { time: clockText(found.events_since) })}</p>
      )}
    </>
  );
}

function Entry({ entry: { at, what, gateway, message, command_id, from, reason } }: { entry: TimelineEntry }) {
  return (
    <li class="row timeline-row">
      <time dateTime={new Date(at).toISOString()}>{clockText(at)}</time>
      <span class={`state ${whatTone(what)}`}>{whatText(what)}</span>
      <span class="tail-more">
        {command_id !== undefined && <span class="tag">{kindText(command_id)}</span>}
        {from !== undefined && <span class="muted">{text('timeline.by', { user: from })}</span>}
        {reason !== undefined && <span>{reasonText(reason)}</span>}
        <bdi class="mono muted">{message ?? gateway}</bdi>
      </span>
    </li>
  );
}
