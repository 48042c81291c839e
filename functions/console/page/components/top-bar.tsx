import { chooseLanguage, chooseTheme, LANGUAGES, language, THEMES, theme } from '../state/preferences.ts';
import { session } from '../state/session.ts';
import { text } from '../texts/texts.ts';
import { Mark } from './icons.tsx';
import { LogOut } from './log-out.tsx';
import { Nav } from './nav.tsx';

const LANGUAGE_NAMES = { en: 'English', zh: '中文' };

export function TopBar() {
  return (
    <header class="top-bar">
      <div class="brand">
        <Mark />
        <span class="brand-name">fronttcp</span>
        <span class="brand-product">{text('page.product')}</span>
      </div>
      {session.value && <Nav />}
      <div class="top-tools">
        <Preferences />
        {session.value && <LogOut userId={session.value.userId} />}
      </div>
    </header>
  );
}

function Preferences() {
  return (
    <>
      <select
        class="quiet"
        aria-label={text('preferences.language')}
        value={language.value}
        onChange={({ currentTarget }) => {
          const choice = LANGUAGES.find((one) => one === currentTarget.value);
          if (choice) chooseLanguage(choice);
        }}
      >
        {LANGUAGES.map((one) => (
          <option key={one} value={one} lang={one} selected={one === language.value}>
            {LANGUAGE_NAMES[one]}
          </option>
        ))}
      </select>
      <select
        class="quiet"
        aria-label={text('preferences.theme')}
        value={theme.value}
        onChange={({ currentTarget }) => {
          const choice = THEMES.find((one) => one === currentTarget.value);
          if (choice) chooseTheme(choice);
        }}
      >
        {THEMES.map((one) => (
          <option key={one} value={one} selected={one === theme.value}>
            {text(`preferences.theme.${one}`)}
          </option>
        ))}
      </select>
    </>
  );
}
