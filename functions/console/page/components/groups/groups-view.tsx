import type { TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import { groups } from '../../state/groups.ts';
import { goTo, hrefOf, place } from '../../state/view.ts';
import { text } from '../../texts/texts.ts';
import { LoadMore } from '../load-more.tsx';
import { Loading } from '../loading.tsx';
import { ViewFrame } from '../view-frame.tsx';
import { GroupDetail } from './group-detail.tsx';

/** Named groups, and the members of one beside the list; on a phone in its place. */
export function GroupsView() {
  const { id } = place.value;
  return (
    <ViewFrame heading={text('nav.groups')}>
      <div class={`split ${id === undefined ? '' : 'has-detail'}`}>
        <section class="card panel master" aria-label={text('nav.groups')}>
          <OpenGroup />
          <List />
        </section>
        <section class="card panel detail" aria-label={text('groups.members')}>
          {id === undefined ? <p class="empty tall">{text('groups.choose')}</p> : <GroupDetail key={id} name={id} />}
        </section>
      </div>
    </ViewFrame>
  );
}

/** Also how a group is made: it exists from its first member on. */
function OpenGroup() {
  const [name, setName] = useState('');
  const open = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (name === '') return;
    goTo('groups', name);
    setName('');
  };
  return (
    <form class="stack one-line" onSubmit={open}>
      <label class="field">
        <span>{text('groups.name')}</span>
        <input
          maxLength={128}
          pattern="[A-Za-z0-9._:\-]+"
          title={text('groups.nameHint')}
          autocomplete="off"
          spellcheck={false}
          value={name}
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      <button type="submit">{text('groups.open')}</button>
    </form>
  );
}

function List() {
  const pages = groups.pages.value;
  if (!pages) return <Loading rows={4} />;
  if (pages.items.length === 0) return <p class="empty">{text('groups.none')}</p>;
  return (
    <>
      <ul class="users" aria-label={text('nav.groups')}>
        {pages.items.map((name) => (
          <li key={name}>
            <a class="user" href={hrefOf('groups', name)} aria-current={name === place.value.id ? 'true' : undefined}>
              <bdi class="user-id">{name}</bdi>
            </a>
          </li>
        ))}
      </ul>
      <LoadMore list={groups} />
    </>
  );
}
