import { effect, signal } from '@preact/signals';
import { readStored, writeStored } from './storage.ts';

export const LANGUAGES = ['en', 'zh'] as const;
type Language = (typeof LANGUAGES)[number];

export const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

const LANGUAGE_KEY = 'fronttcp.language';
const THEME_KEY = 'fronttcp.theme';

export const language = signal<Language>(
  oneOf(LANGUAGES, readStored('localStorage', LANGUAGE_KEY)) ?? preferredLanguage(navigator.languages),
);
export const theme = signal<Theme>(oneOf(THEMES, readStored('localStorage', THEME_KEY)) ?? 'system');

export function chooseLanguage(choice: Language): void {
  language.value = choice;
  writeStored('localStorage', LANGUAGE_KEY, choice);
}

export function chooseTheme(choice: Theme): void {
  theme.value = choice;
  writeStored('localStorage', THEME_KEY, choice);
}

/** Keeps the document's language and colours in step with the choices. */
export function applyPreferences(): void {
  effect(() => {
    document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
  });
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}

function preferredLanguage(tags: readonly string[]): Language {
  for (const tag of tags) {
    const match = oneOf(LANGUAGES, tag.toLowerCase().split('-')[0]);
    if (match) return match;
  }
  return 'en';
}

function oneOf<T extends string>(choices: readonly T[], value: string | undefined): T | undefined {
  return choices.find((choice) => choice === value);
}
