import { useEffect, useRef, useState } from 'preact/hooks';
import { text } from '../../texts/texts.ts';

/** The only time that the token can be seen: it stays until its maker confirms that they have it. */
export function ShownOnce({ token, onDone }: { token: string; onDone: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    field.current?.select();
  }, []);
  const copy = async () => {
    field.current?.select();
    // Without TLS a browser has no clipboard to write to: then it is selected, to be copied by hand.
    const isWritten = await navigator.clipboard?.writeText(token).then(
      () => true,
      () => false,
    );
    setCopied(isWritten === true);
  };
  return (
    <div class="notice good shown-once">
      <p>{text('tokens.once')}</p>
      <input ref={field} class="mono" readOnly value={token} aria-label={text('tokens.token')} />
      <div class="actions start">
        <button type="button" onClick={copy}>
          {text(isCopied ? 'tokens.copied' : 'tokens.copy')}
        </button>
        <button type="button" class="quiet" onClick={onDone}>
          {text('tokens.have')}
        </button>
      </div>
    </div>
  );
}
