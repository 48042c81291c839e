interface Props {
  label: string;
  hint?: string;
  required?: boolean;
  value: string;
  onValue: (value: string) => void;
}

/** A password for somebody else: nothing that a browser should keep. */
export function PasswordField({ label, hint, required = false, value, onValue }: Props) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="password"
        autocomplete="new-password"
        maxLength={1024}
        required={required}
        value={value}
        onInput={({ currentTarget }) => onValue(currentTarget.value)}
      />
      {hint && <span class="muted hint">{hint}</span>}
    </label>
  );
}
