import type { TargetedSubmitEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { changeMembers, deleteGroup } from '../../api/groups.ts';
import type { Answer } from '../../api/request.ts';
import { groupSize, members } from '../../state/groups.ts';
import { refreshNow } from '../../state/live.ts';
import { hrefOf } from '../../state/view.ts';
import { failureText } from '../../texts/failures.ts';
import { countText, text } from '../../texts/texts.ts';
import { announce } from '../announcer.tsx';
import { AskFirst } from '../ask-first.tsx';
import { isSecondClick, useOneAtATime } from '../clicks.ts';
import { LoadMore } from '../load-more.tsx';
import { Loading } from '../loading.tsx';

/** One group: its members, each with a way to remove them, and a form to add more. */
export function GroupDetail({ name }: { name: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const [added, setAdded] = useState('');
  const [trouble, setTrouble] = useState('');
  const { isRunning, run } = useOneAtATime();
  useEffect(() => heading.current?.focus(), []);
  const pages = members.pages.value?.query === name ? members.pages.value : undefined;

  const finish = (answer: Answer<unknown>, done: string): boolean => {
    const words = answer.ok ? done : failureText(answer.failure);
    setTrouble(answer.ok ? '' : words);
    announce(words);
    refreshNow();
    return answer.ok;
  };
  const add = async (ids: string[]) => {
    if (finish(await changeMembers(name, { add: ids }), text('groups.added', { n: ids.length }))) setAdded('');
  };
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const ids = added.split('\n').map((id) => id.trim());
    const named = ids.filter((id) => id !== '');
    if (named.length > 0) void run(() => add(named));
  };
  const remove = async (id: string) =>
    void finish(await changeMembers(name, { remove: [id] }), text('groups.removed', { user: id }));

  return (
    <>
      <a class="back" href={hrefOf('groups')}>
        {text('groups.back')}
      </a>
      <h2 class="detail-id" tabIndex={-1} ref={heading}>
        <bdi>{name}</bdi>
      </h2>
      <form class="stack" onSubmit={submit}>
        <label class="field">
          <span>{text('groups.add')}</span>
          <textarea
            rows={2}
            class="short mono"
            spellcheck={false}
            placeholder={text('groups.addHint')}
            value={added}
            onInput={({ currentTarget }) => setAdded(currentTarget.value)}
          />
        </label>
        <div role="alert">{trouble && <p class="notice bad">{trouble}</p>}</div>
        <div class="actions start">
          <button type="submit" class="primary" aria-disabled={isRunning}>
            {text('groups.addMembers')}
          </button>
          {pages && pages.items.length > 0 && (
            <AskFirst
              label={text('groups.delete')}
              heading={text('groups.deleteHeading')}
              consequence={text('groups.deleteConsequence', { name })}
              confirm={text('groups.delete')}
              onConfirm={async () => void finish(await deleteGroup(name), text('groups.deleted', { name }))}
            />
          )}
        </div>
      </form>
      {!pages && <Loading rows={4} />}
      {pages?.items.length === 0 && <p class="empty">{text('groups.noMembers')}</p>}
      {pages && pages.items.length > 0 && (
        <>
          <p class="muted">{countText('groups.size', groupSize.value)}</p>
          <ul class="rows" aria-label={text('groups.members')}>
            {pages.items.map((id) => (
              <Member key={id} id={id} onRemove={() => remove(id)} />
            ))}
          </ul>
          <LoadMore list={members} />
        </>
      )}
    </>
  );
}

function Member({ id, onRemove }: { id: string; onRemove: () => Promise<void> }) {
  const { isRunning, run } = useOneAtATime();
  return (
    <li class="row command-row">
      <a href={hrefOf('users', id)}>
        <bdi class="mono">{id}</bdi>
      </a>
      <button
        type="button"
        class="quiet small"
        aria-label={text('groups.removeOne', { user: id })}
        aria-disabled={isRunning}
        onClick={(event) => {
          if (!isSecondClick(event)) void run(onRemove);
        }}
      >
        {text('groups.remove')}
      </button>
    </li>
  );
}
