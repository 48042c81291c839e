import { useState } from 'preact/hooks';
import { urlOf } from '../../api/request.ts';
import { draftCommand, problem } from '../../state/draft.ts';
import { codeOf, LANGUAGES, type Language } from '../../state/request-code.ts';
import { text } from '../../texts/texts.ts';
import { announce } from '../announcer.tsx';

/** The draft as a program that sends it. */
export function Code() {
  const [language, setLanguage] = useState<Language>('curl');
  if (problem.value) return null;
  const code = codeOf(language, urlOf('send-command'), draftCommand());
  const copy = async () => {
    await navigator.clipboard.writeText(code).then(
      () => announce(text('compose.codeCopied')),
      () => undefined,
    );
  };
  return (
    <details>
      <summary>{text('compose.code')}</summary>
      <div class="actions start">
        <select
          aria-label={text('compose.codeIn')}
          onChange={({ currentTarget }) => setLanguage(LANGUAGES[currentTarget.selectedIndex] ?? 'curl')}
        >
          {LANGUAGES.map((one) => (
            <option key={one} selected={one === language}>
              {one}
            </option>
          ))}
        </select>
        {/* Without TLS a browser has no clipboard to write to. */}
        {window.isSecureContext && (
          <button type="button" onClick={copy}>
            {text('tokens.copy')}
          </button>
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long request scrolls */}
      <pre class="reply mono" tabIndex={0}>
        {code}
      </pre>
    </details>
  );
}
