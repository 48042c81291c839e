import { onlineOnly, query } from '../state/users.ts';
import { text } from '../texts/texts.ts';
import { SearchInput } from './search-input.tsx';

export function UserFilter() {
  return (
    <search class="filter">
      <SearchInput
        label={text('recipients.search')}
        hint={text('recipients.searchHint')}
        value={query.value}
        onSearch={(value) => {
          query.value = value;
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
