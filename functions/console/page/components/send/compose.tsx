import { useRef, useState } from 'preact/hooks';
import {
  applicationContent,
  audience,
  canAsk,
  chosen,
  commandId,
  content,
  form,
  problem,
  ttlSeconds,
  wantsReceipt,
  wantsReply,
} from '../../state/draft.ts';
import { groupMembers } from '../../state/group-target.ts';
import { stats } from '../../state/live.ts';
import { replyOf, type Send, sendDraft } from '../../state/sends.ts';
import { failureText } from '../../texts/failures.ts';
import { countText, text } from '../../texts/texts.ts';
import { announce } from '../announcer.tsx';
import { kindText } from '../kinds.ts';
import { Code } from './code.tsx';
import { ComposeApplication } from './compose-application.tsx';
import { ComposeTo } from './compose-to.tsx';
import { Later } from './later.tsx';
import { ManyDialog } from './many-dialog.tsx';

const KEEP_CHOICES = [
  ['default', undefined],
  ['minutes5', 300],
  ['hour', 3_600],
  ['day', 86_400],
  ['week', 604_800],
] as const;

const FORMS = ['text', 'application'] as const;

const sendKey = /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl';
const utf8 = new TextEncoder();

export function Compose() {
  const [isProblemShown, setProblemShown] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const everyone = useRef<HTMLDialogElement>(null);
  const shown = isProblemShown ? problem.value : undefined;
  const isApplication = form.value === 'application';
  const written = isApplication ? applicationContent : content;
  const kind = isApplication ? kindText(commandId.value) : `${kindText(commandId.value)} · ${commandId.value}`;

  const submit = () => {
    setProblemShown(problem.value !== undefined);
    if (problem.value) {
      announce(text(`compose.problem.${problem.value}`));
      if (problem.value === 'noContent' || problem.value === 'applicationContent') area.current?.focus();
      return;
    }
    if (audience.value !== 'chosen') everyone.current?.showModal();
    else void send();
  };

  return (
    <form
      class="card compose"
      aria-labelledby="compose-heading"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        if (!event.repeat) submit();
      }}
    >
      <div class="card-head">
        <div class="heading">
          <h2 id="compose-heading">{text('compose.heading')}</h2>
          <span class="tag kind">{kind}</span>
        </div>
        <fieldset class="segments">
          <legend class="visually-hidden">{text('compose.form')}</legend>
          {FORMS.map((one) => (
            <label key={one} class="segment">
              <input
                type="radio"
                name="form"
                value={one}
                checked={form.value === one}
                onChange={() => {
                  form.value = one;
                }}
              />
              <span>{text(`compose.form.${one}`)}</span>
            </label>
          ))}
        </fieldset>
      </div>
      <ComposeTo />
      {isApplication && <ComposeApplication isWrong={shown === 'applicationId'} />}
      <div class="field">
        <label class="visually-hidden" for="content">
          {text(isApplication ? 'compose.json' : 'compose.content')}
        </label>
        <textarea
          ref={area}
          id="content"
          rows={4}
          dir={isApplication ? 'ltr' : 'auto'}
          class={isApplication ? 'mono' : undefined}
          spellcheck={!isApplication}
          placeholder={isApplication ? '{"valve": 3, "open": true}' : text('compose.placeholder')}
          aria-describedby="compose-problem"
          aria-invalid={shown === 'noContent' || shown === 'applicationContent'}
          value={written.value}
          onInput={({ currentTarget }) => {
            written.value = currentTarget.value;
          }}
        />
      </div>
      <div class="options">
        <Keep />
        <label class="check">
          <input
            type="checkbox"
            checked={wantsReceipt.value}
            onChange={({ currentTarget }) => {
              wantsReceipt.value = currentTarget.checked;
            }}
          />
          <span>{text('compose.receipt')}</span>
        </label>
        {canAsk.value && (
          <label class="check">
            <input
              type="checkbox"
              checked={wantsReply.value}
              onChange={({ currentTarget }) => {
                wantsReply.value = currentTarget.checked;
              }}
            />
            <span>{text('compose.ask')}</span>
          </label>
        )}
        <span class="muted bytes">{countText('compose.bytes', utf8.encode(written.value).length)}</span>
      </div>
      <div class="actions">
        <p id="compose-problem" class="problem">
          {shown && text(`compose.problem.${shown}`)}
        </p>
        <span class="muted shortcut" aria-hidden="true">
          {text('compose.shortcut', { key: sendKey })}
        </span>
        <button type="submit" class="primary" aria-keyshortcuts="Control+Enter Meta+Enter">
          {buttonText()}
        </button>
      </div>
      <Later />
      <Code />
      <ManyDialog dialog={everyone} reached={reachedBy()} onConfirm={send} />
    </form>
  );
}

async function send(): Promise<void> {
  const sent = await sendDraft();
  if (sent) announce(outcomeText(sent));
}

/** The number of clients that the draft goes to; undefined: not known. */
function reachedBy(): number | undefined {
  if (audience.value === 'everyone') return stats.value?.connected;
  return audience.value === 'group' ? groupMembers.value : chosen.value.size;
}

/** Says how many it goes to, where that is known. */
function buttonText(): string {
  const n = reachedBy();
  return n ? countText('compose.sendTo', n) : text('compose.send');
}

function Keep() {
  if (audience.value === 'everyone') return <p class="muted">{text('compose.keep.everyone')}</p>;
  return (
    <label class="keep">
      <span>{text('compose.keep')}</span>
      <select
        onChange={({ currentTarget }) => {
          ttlSeconds.value = KEEP_CHOICES[currentTarget.selectedIndex]?.[1];
        }}
      >
        {KEEP_CHOICES.map(([name, seconds]) => (
          <option key={name} selected={seconds === ttlSeconds.value}>
            {text(`compose.keep.${name}`)}
          </option>
        ))}
      </select>
    </label>
  );
}

function outcomeText(send: Send): string {
  const { state } = send;
  if (replyOf(send)) return text('send.announceReply');
  if (state.kind === 'sending') return text('send.sending');
  if (state.kind === 'accepted') {
    const { online = 0, stored = 0, unknown = 0, scheduled = 0, members = 0 } = state.sent.recipients;
    if (members > 0) return countText('send.members', members);
    if (scheduled > 0) return text('send.scheduled', { n: scheduled });
    return text('send.announceAccepted', { online, stored, unknown });
  }
  if (state.kind === 'no-reply') return text('send.noReply', { reason: state.message });
  if (state.kind === 'refused') return text('send.refused', { reason: state.message });
  return text('send.unanswered', { reason: failureText(state.failure) });
}
