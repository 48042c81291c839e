import { useEffect, useState } from 'preact/hooks';
import { type PastCommand, type Receipt, readReceipt } from '../../api/commands.ts';
import type { Failure } from '../../api/request.ts';
import { hrefOf } from '../../state/view.ts';
import { failureText } from '../../texts/failures.ts';
import { countText, text } from '../../texts/texts.ts';
import { clockText } from '../../texts/times.ts';
import { kindText } from '../kinds.ts';
import { RecipientStates } from '../send/delivery.tsx';
import { StateBar, StateCounts } from '../states.tsx';
import { TakeBack } from './take-back.tsx';

const NAMED = 3;

export function CommandRows({ commands, label }: { commands: readonly PastCommand[]; label: string }) {
  return (
    <ul class="rows" aria-label={label}>
      {commands.map((command) => (
        <Row key={command.id} command={command} />
      ))}
    </ul>
  );
}

function Row({ command }: { command: PastCommand }) {
  return (
    <li class="row command-row">
      <time dateTime={new Date(command.accepted_at).toISOString()}>{clockText(command.accepted_at)}</time>
      <span class="tag">{kindText(command.command_id)}</span>
      <span class="command-way">
        <bdi class="mono">{command.from}</bdi>
        <span class="muted" aria-hidden="true">
          {' → '}
        </span>
        <span class="visually-hidden"> {text('history.to')} </span>
        <To command={command} />
      </span>
      <bdi class="mono muted command-id">{command.id}</bdi>
      <Result command={command} />
    </li>
  );
}

function To({ command: { to, recipients } }: { command: PastCommand }) {
  if (to === null) return <span>{text('compose.toEveryone')}</span>;
  const more = (recipients ?? to.length) - Math.min(NAMED, to.length);
  return (
    <span>
      {to.slice(0, NAMED).map((id, at) => (
        <>
          {at > 0 && ', '}
          <a href={hrefOf('users', id)}>
            <bdi class="mono">{id}</bdi>
          </a>
        </>
      ))}
      {more > 0 && <span class="muted"> {text('compose.andMore', { n: more })}</span>}
    </span>
  );
}

function Result({ command }: { command: PastCommand }) {
  const { receipt, id } = command;
  if (!receipt) return <p class="muted command-result">{text('history.noReceipt')}</p>;
  const { states, recipients } = receipt;
  return (
    <div class="command-result delivery">
      {states && <StateBar counts={states} total={Math.max(recipients, command.recipients ?? 0)} />}
      {states && <StateCounts counts={states} />}
      {recipients > 0 && <Recipients id={id} n={recipients} version={JSON.stringify(states)} />}
      <TakeBack id={id} waiting={(states?.scheduled ?? 0) + (states?.stored ?? 0)} />
    </div>
  );
}

/** Read when it is opened, and anew when the summary has changed. */
function Recipients({ id, n, version }: { id: string; n: number; version: string }) {
  const [isOpen, setOpen] = useState(false);
  const [found, setFound] = useState<Receipt | Failure>();
  useEffect(() => {
    if (!isOpen) return;
    const reading = new AbortController();
    void readReceipt(id, reading.signal).then((answer) => {
      if (!reading.signal.aborted) setFound(answer.ok ? answer.value : answer.failure);
    });
    return () => reading.abort();
  }, [id, isOpen, version]);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{countText('delivery.details', n)}</summary>
      {!found && <p class="muted">{text('list.loading')}</p>}
      {found && 'kind' in found && <p class="bad-ink">{failureText(found)}</p>}
      {found && 'recipients' in found && <RecipientStates receipt={found} />}
    </details>
  );
}
