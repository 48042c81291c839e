interface Search {
  /** Its accessible name. */
  label: string;
  hint: string;
  value: string;
  onSearch: (value: string) => void;
}

/** For user ids: nothing that a browser would complete, capitalise or correct. */
export function SearchInput({ label, hint, value, onSearch }: Search) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={hint}
      autocomplete="off"
      autocapitalize="none"
      spellcheck={false}
      maxLength={128}
      value={value}
      onInput={({ currentTarget }) => onSearch(currentTarget.value)}
    />
  );
}
