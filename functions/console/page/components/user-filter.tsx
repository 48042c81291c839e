import { useRef } from 'preact/hooks';
import { onlineOnly, query } from '../state/users.ts';
import { text } from '../texts/texts.ts';

export function UserFilter() {
  const input = useRef<HTMLInputElement>(null);
  return (
    <search class="filter">
      <input
        ref={input}
        type="search"
        aria-label={text('recipients.search')}
        placeholder={text('recipients.searchHint')}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        maxLength={128}
        value={query.value}
        onInput={({ currentTarget }) => {
          query.value = currentTarget.value;
        }}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={onlineOnly.value}
          onChange={({ currentTarget }) => {
            onlineOnly.value = currentTarget.checked;
          }}
        />
        <span>{text('recipients.onlineOnly')}</span>
      </label>
    </search>
  );
}
