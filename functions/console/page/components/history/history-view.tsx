import { history, recipient, sender } from '../../state/history.ts';
import { text } from '../../texts/texts.ts';
import { LoadMore } from '../load-more.tsx';
import { Loading } from '../loading.tsx';
import { SearchInput } from '../search-input.tsx';
import { ViewFrame } from '../view-frame.tsx';
import { CommandRows } from './command-rows.tsx';

const SENDERS = ['anyone', 'me'] as const;

/** Everything that was sent over HTTP, by whom, to whom, and how far it came. */
export function HistoryView() {
  return (
    <ViewFrame heading={text('nav.history')} tools={<Filter />}>
      <section class="card panel" aria-label={text('nav.history')}>
        <List />
      </section>
    </ViewFrame>
  );
}

function Filter() {
  return (
    <search class="filter view-tools">
      <fieldset class="segments">
        <legend class="visually-hidden">{text('history.sender')}</legend>
        {SENDERS.map((one) => (
          <label key={one} class="segment">
            <input
              type="radio"
              name="sender"
              checked={sender.value === one}
              onChange={() => {
                sender.value = one;
              }}
            />
            <span>{text(`history.${one}`)}</span>
          </label>
        ))}
      </fieldset>
      <SearchInput
        label={text('history.recipient')}
        hint={text('history.recipientHint')}
        value={recipient.value}
        onSearch={(value) => {
          recipient.value = value;
        }}
      />
    </search>
  );
}

function List() {
  const pages = history.pages.value;
  if (!pages) return <Loading rows={6} />;
  const isFiltered = sender.value === 'me' || recipient.value.trim() !== '';
  return (
    <>
      {pages.items.length === 0 ? (
        <p class="empty tall">{text(isFiltered ? 'history.noMatch' : 'history.none')}</p>
      ) : (
        <CommandRows commands={pages.items} label={text('nav.history')} />
      )}
      <LoadMore list={history} />
    </>
  );
}
